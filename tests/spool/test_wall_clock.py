"""The machine's clock is set, in both directions, while records wait with `spool.max_age_secs`."""

import logging

import pytest

from bridge.errors import SpoolWriteError
from bridge.spool.database.transaction import Transaction
from bridge.spool.wall_clock import FIRST_MS, STEP_MS, WallClock, plausible_receive_times
from tests.spool.builders import opened, put, take_all

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
START_MS = 1_800_000_000_000


class Machine:
    """A machine with a spool that was booted a day ago. `wall_ms` is the time of its clock."""

    def __init__(self, folder):
        self.wall_ms, self.steady_ms = START_MS, DAY_MS
        self.clock = WallClock(lambda: self.wall_ms, lambda: self.steady_ms)
        self.spool = opened(folder)
        self.queue = self.spool.queue("press")
        self.queue._now_ms = self.clock.now_ms
        self.queue.clock = lambda: self.steady_ms / 1000

    def pass_(self, milliseconds):
        self.wall_ms += milliseconds
        self.steady_ms += milliseconds
        self.clock.follow(self.spool)

    def set_clock(self, milliseconds):
        self.wall_ms += milliseconds
        self.clock.follow(self.spool)

    def expire(self, max_age_ms):
        """Drop records that are too old, and return how many records have been dropped so far."""
        self.spool.commit(Transaction(expire_before_ms=self.clock.now_ms() - max_age_ms))
        return sum(row.expired for row in self.spool.ledger_rows())


@pytest.fixture
def machine(tmp_path):
    made = Machine(tmp_path)
    yield made
    made.spool.close()


@pytest.mark.parametrize("step", [30 * DAY_MS, -30 * DAY_MS, STEP_MS, -STEP_MS])
def test_clock_that_is_set_drops_no_fresh_record(machine, step):
    put(machine.spool, b"1", b"2")
    machine.pass_(HOUR_MS)
    machine.set_clock(step)
    assert machine.expire(2 * HOUR_MS) == 0
    assert machine.queue.oldest_secs(None) == pytest.approx(3600)


@pytest.mark.parametrize("step", [30 * DAY_MS, -30 * DAY_MS])
def test_clock_that_is_set_lets_old_records_expire_in_time(machine, step):
    put(machine.spool, b"1", b"2")
    machine.pass_(HOUR_MS)
    machine.set_clock(step)
    machine.pass_(2 * HOUR_MS)
    assert machine.expire(2 * HOUR_MS) == 2


@pytest.mark.parametrize("step", [30 * DAY_MS, -30 * DAY_MS])
def test_ages_are_right_after_a_restart_too(machine, tmp_path, step):
    put(machine.spool, b"1", b"2")
    machine.pass_(HOUR_MS)
    machine.set_clock(step)
    machine.spool.close()
    machine.spool = opened(tmp_path)
    queue = machine.spool.queue("press")
    queue._now_ms = machine.clock.now_ms
    assert queue.oldest_secs(None) == pytest.approx(3600)
    assert take_all(machine.spool)


def test_records_of_an_earlier_boot_keep_their_time(machine):
    put(machine.spool, b"1")
    machine.queue.receive_times.pairs = [(1, START_MS - 10 * DAY_MS)]
    machine.set_clock(5 * DAY_MS)
    assert machine.queue.receive_times.pairs == [(1, START_MS - 10 * DAY_MS)]


def test_clock_that_ntp_adjusts_is_followed_without_a_word(machine, caplog):
    caplog.set_level(logging.INFO)
    for _ in range(10):
        machine.pass_(1000)
        machine.set_clock(STEP_MS - 1)
    assert machine.clock.now_ms() == machine.wall_ms
    assert caplog.messages == []


def test_clock_that_was_set_is_logged_once(machine, caplog):
    caplog.set_level(logging.WARNING)
    machine.set_clock(-HOUR_MS)
    machine.pass_(1000)
    assert caplog.messages == ["the machine's clock was set back by 3600 s; records keep their age"]


def test_receive_times_not_written_now_are_written_by_the_next_commit(machine, monkeypatch):
    put(machine.spool, b"1")

    def full(*_):
        raise SpoolWriteError("the disk is full")

    monkeypatch.setattr(machine.spool, "set_meta", full)
    machine.set_clock(DAY_MS)
    assert machine.queue.receive_times.changed


def test_time_before_the_program_existed_counts_as_now():
    assert plausible_receive_times([(1, 7_000), (2, FIRST_MS), (3, START_MS)], START_MS) == [
        (1, START_MS),
        (2, FIRST_MS),
        (3, START_MS),
    ]


def test_machine_without_a_set_clock_keeps_times_of_its_own_time():
    assert plausible_receive_times([(1, 7_000)], 5_000) == [(1, 7_000)]
