import pytest

from tests.faults.scenario import play
from tests.faults.suite import BOUNDED


@pytest.mark.parametrize("scenario", BOUNDED, ids=lambda scenario: scenario.name)
def test_nothing_is_lost(scenario, tmp_path):
    outcome = play(scenario, tmp_path)
    assert outcome.problems == ()
    assert outcome.recovery_secs is not None
    print(outcome)
