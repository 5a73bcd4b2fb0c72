import pytest

from tests.faults.registry import BOUNDED
from tests.faults.scenario import play

DRAIN_SECS = 40.0
"""Factor of patience: the scenario's own error must come before pytest's timeout, which explains nothing."""


@pytest.mark.parametrize("scenario", BOUNDED, ids=lambda scenario: scenario.name)
def test_scenario_loses_nothing(scenario, tmp_path):
    outcome = play(scenario, tmp_path, drain_secs=DRAIN_SECS)
    assert outcome.problems == ()
    assert outcome.recovery_secs is not None
    print(outcome)
