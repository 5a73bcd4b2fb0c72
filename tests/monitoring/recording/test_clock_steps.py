"""Events and curves while the clock of the machine is set forward or back."""

from math import isnan

import pytest

from bridge.monitoring.problem_history import ABSENT_SECS
from bridge.monitoring.recording.event_log import EventReader
from bridge.monitoring.recording.recorder import Recorder
from bridge.spool.ledger import LedgerRow
from tests.web.bridges import problem, snapshot

AT = 1_800_000_000.0
DAY_SECS = 86_400.0
STEPS = pytest.mark.parametrize("step", [DAY_SECS, -DAY_SECS], ids=["forward", "back"])


class Machine:
    """A machine with a recorder. `wall` is the time of its clock, and `steady` is a time that never jumps."""

    def __init__(self, folder):
        self.folder, self.wall, self.steady = folder, AT, 0.0
        self.recorder = Recorder(folder, curves=True, clock=lambda: self.steady, wall_clock=lambda: self.wall)

    def look(self, received, *problems):
        self.wall += 5
        self.steady += 5
        self.recorder.problems.update(problems, self.wall)
        ledger = (LedgerRow("press", "telemetry", received, received, 0, 0, 0, 0),)
        self.recorder.observe(snapshot(connections=1, received_messages=received, ledger=ledger))


@STEPS
def test_curves_show_no_false_rate_after_the_clock_is_set(tmp_path, step):
    machine = Machine(tmp_path)
    for number in range(10):
        machine.look(50 * number)
    machine.wall += step
    for number in range(10, 20):
        machine.look(50 * number)
    rates = [each for each in machine.recorder.curves.value("15m")["series"]["received"] if not isnan(each)]
    assert len(rates) >= 8
    assert set(rates) == {10.0}


@STEPS
def test_problem_has_one_beginning_and_end_if_the_clock_is_set(tmp_path, step):
    machine, lasting = Machine(tmp_path), problem()
    for _ in range(4):
        machine.look(0, lasting)
    machine.wall += step
    for _ in range(4):
        machine.look(0, lasting)
    for _ in range(int(ABSENT_SECS // 5) + 2):
        machine.look(0)
    found = [each for each in EventReader().events(tmp_path) if each.code == lasting.code]
    assert len(found) == 2, found
    assert found[-1].kind == "recovered"
    assert found[-1].lasted_secs >= 0
