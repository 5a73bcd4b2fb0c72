"""Timer that takes a snapshot every few seconds, with a clock that the test advances."""

from bridge.errors import BridgeError
from bridge.monitoring.snapshot_timer import EVERY_SECS, SnapshotTimer


def timed(take, observe=lambda _snapshot: None):
    now = [0.0]
    return now, SnapshotTimer(take, observe, clock=lambda: now[0])


def test_snapshot_timer_passes_each_snapshot_to_the_observer():
    seen = []
    now, look = timed(lambda: now[0], seen.append)
    for secs in (0.0, EVERY_SECS - 0.1, EVERY_SECS, EVERY_SECS + 0.1, 2 * EVERY_SECS):
        now[0] = secs
        look()
    assert seen == [EVERY_SECS, 2 * EVERY_SECS]


def test_snapshot_timer_that_is_late_keeps_its_planned_times():
    seen = []
    now, look = timed(lambda: now[0], seen.append)
    for secs in (EVERY_SECS + 0.9, 2 * EVERY_SECS - 0.1, 2 * EVERY_SECS):
        now[0] = secs
        look()
    assert seen == [EVERY_SECS + 0.9, 2 * EVERY_SECS]


def test_snapshot_timer_after_a_long_pause_does_not_take_the_missed_ones():
    seen = []
    now, look = timed(lambda: now[0], seen.append)
    for _ in range(3):
        now[0] = 100 * EVERY_SECS
        look()
        now[0] += 1
    assert len(seen) <= 2


def test_snapshot_timer_logs_no_traceback_for_an_expected_error(caplog):
    def take():
        raise BridgeError("the spool is damaged")

    now, look = timed(take)
    now[0] = EVERY_SECS
    look()
    assert [each for each in caplog.records if each.levelname == "ERROR"] == []


def test_snapshot_timer_continues_after_an_error_of_the_observer(caplog):
    seen = []

    def observe(snapshot):
        seen.append(snapshot)
        raise ZeroDivisionError

    now, look = timed(lambda: now[0], observe)
    for number in (1, 2):
        now[0] = number * EVERY_SECS
        look()
    assert (seen, caplog.messages) == ([EVERY_SECS, 2 * EVERY_SECS], ["no snapshot: this is a bug"])


def test_snapshot_timer_is_due_regularly_and_survives_an_error():
    now, taken = [0.0], []

    def take():
        taken.append(now[0])
        raise OSError(5, "Input/output error")

    look = SnapshotTimer(take, clock=lambda: now[0])
    for _ in range(4):
        look()
        now[0] += EVERY_SECS / 2
    assert taken == [EVERY_SECS]
    look()
    assert taken == [EVERY_SECS, 2 * EVERY_SECS]


def test_snapshot_timer_logs_a_bug_once_and_continues(caplog):
    now = [0.0]
    look = SnapshotTimer(lambda: 1 / 0, clock=lambda: now[0])
    for _ in range(3):
        now[0] += EVERY_SECS
        look()
    assert caplog.messages == ["no snapshot: this is a bug"]
