import pytest

from tests.faults.registry import BOUNDED
from tests.faults.scenario import play

DRAIN_SECS = 40.0
"""Factor for time limits, so that the scenario fails with an explanation before the time limit of pytest ends it."""


@pytest.mark.parametrize("scenario", BOUNDED, ids=lambda scenario: scenario.name)
def test_scenario_loses_nothing(scenario, tmp_path):
    outcome = play(scenario, tmp_path, drain_secs=DRAIN_SECS)
    assert outcome.problems == ()
    assert outcome.recovery_secs is not None
    print(outcome)
