import pytest

from bridge.monitoring.start_time import StartTime

DAY_MS = 86_400_000
AT_MS = 1_800_000_000_000


class Machine:
    def __init__(self):
        self.wall_ms, self.steady_ms = AT_MS, 7_000
        self.start = StartTime(lambda: self.wall_ms, lambda: self.steady_ms)

    def up_secs(self):
        return self.wall_ms / 1000 - self.start.epoch_secs()


@pytest.mark.parametrize("step_ms", [20_000 * DAY_MS, -DAY_MS])
def test_start_time_moves_with_a_clock_that_is_set(step_ms):
    machine = Machine()
    machine.wall_ms += 60_000 + step_ms
    machine.steady_ms += 60_000
    assert machine.up_secs() == 60


def test_start_time_stays_if_the_clock_is_adjusted():
    machine = Machine()
    machine.wall_ms += 60_500
    machine.steady_ms += 60_000
    assert machine.start.epoch_secs() == AT_MS / 1000
