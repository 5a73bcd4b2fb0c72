"""Messages that arrive one by one share a transaction, and wait only a short time for it."""

from types import SimpleNamespace

import pytest

from bridge.ingest import loop
from bridge.ingest.loop import (
    COALESCE_MIN_MESSAGES,
    MIN_COMMIT_INTERVAL_SECS,
    SHARED_MIN_COMMIT_INTERVAL_SECS,
    WINDOW_PROBE_SECS,
    IngestLoop,
)
from bridge.mapping.router import Router
from bridge.spool.database.transaction import Transaction
from bridge.spool.wall_clock import WallClock
from tests.mapping.builders import mapping
from tests.spool.builders import opened

QOS_0, QOS_1 = (0x30,), (0x32,)


class Arrivals:
    """A subscriber in simulated time.

    `at` are the times at which messages arrive, in order. The connection ends at `ends`.
    """

    def __init__(self, *at, ends=1e9):
        self.now = 100.0
        self.at = [100.0 + each for each in at]
        self.ends = 100.0 + ends
        self.polls = 0

    @property
    def connected(self):
        return self.now < self.ends

    def wait_for_more(self, secs):
        self.now += secs

    def poll(self, timeout_secs):
        assert timeout_secs == 0
        self.polls += 1
        due = [each for each in self.at if each <= min(self.now, self.ends)]
        del self.at[: len(due)]
        return [QOS_1] * len(due)


@pytest.fixture
def ingest(tmp_path):
    """Return a function that creates an ingest loop.

    The loop has just measured the broker's window (WINDOW_PROBE_SECS).
    """
    spool = opened(tmp_path)

    def make(arrivals, min_commit_interval_secs=MIN_COMMIT_INTERVAL_SECS):
        made = IngestLoop(
            arrivals,
            spool,
            Router([]),
            limits={},
            min_commit_interval_secs=min_commit_interval_secs,
            clock=lambda: arrivals.now,
        )
        made._probed_window_at = arrivals.now
        return made

    yield make
    spool.commit(Transaction())
    spool.close()


def gathered(ingest, since, burst=1, message=QOS_1):
    """Return the number of messages in a transaction, and the time for which its first message has waited.

    `since` is the time since the last transaction.
    """
    began = ingest.progress_at = ingest._clock()
    ingest._committed_at = began - since
    found = [message] * burst
    ingest._coalesce(found)
    return len(found), pytest.approx(ingest._clock() - began, abs=1e-6)


def test_single_message_does_not_wait_for_others(ingest):
    arrivals = Arrivals(0.001)
    assert gathered(ingest(arrivals), MIN_COMMIT_INTERVAL_SECS) == (1, 0.0)
    assert arrivals.polls == 0


def test_messages_within_the_commit_interval_share_the_transaction(ingest):
    arrivals = Arrivals(*[n * 0.001 for n in range(1, 40)])
    assert gathered(ingest(arrivals), since=0.003) == (1 + 7, MIN_COMMIT_INTERVAL_SECS - 0.003)
    assert arrivals.polls == 2  # and not one poll per message


def test_bridges_that_divide_the_messages_wait_longer(ingest):
    arrivals = Arrivals(*[n * 0.0039 for n in range(1, 40)])
    waited = gathered(ingest(arrivals, SHARED_MIN_COMMIT_INTERVAL_SECS), since=0.0)
    assert waited == (1 + int(SHARED_MIN_COMMIT_INTERVAL_SECS / 0.0039), SHARED_MIN_COMMIT_INTERVAL_SECS)


def test_pause_at_the_beginning_ends_the_wait(ingest):
    assert gathered(ingest(Arrivals(0.0025, 0.003)), since=0.0) == (1, MIN_COMMIT_INTERVAL_SECS / 5)
    assert gathered(ingest(Arrivals(0.0015, 0.0095)), since=0.0) == (3, MIN_COMMIT_INTERVAL_SECS)


def test_coalescing_of_many_messages_does_not_wait_for_others(ingest):
    arrivals = Arrivals(*[0.0001 * n for n in range(100)])
    assert gathered(ingest(arrivals), since=0.0, burst=COALESCE_MIN_MESSAGES) == (COALESCE_MIN_MESSAGES, 0.0)
    assert arrivals.polls == 0


def test_coalescing_without_a_connection_does_not_wait(ingest):
    assert gathered(ingest(Arrivals(0.0005, 0.002, 0.003, ends=0.001)), since=0.0) == (2, 0.002)


def test_loop_commits_at_the_largest_burst_seen_so_far(ingest):
    arrivals = Arrivals()
    at = ingest(arrivals)
    gathered(at, since=MIN_COMMIT_INTERVAL_SECS, burst=60)
    assert gathered(at, since=0.0, burst=60) == (60, 0.0)
    arrivals.at = [arrivals.now + n * 0.00005 for n in range(1, 200)]
    assert gathered(at, since=0.0, burst=30) == (30 + 40, MIN_COMMIT_INTERVAL_SECS / 5)


def test_loop_waits_for_no_more_than_the_largest_burst(ingest, monkeypatch):
    monkeypatch.setattr(loop, "MAX_BURST_MESSAGES", 50)
    arrivals = Arrivals()
    at = ingest(arrivals)
    gathered(at, since=MIN_COMMIT_INTERVAL_SECS, burst=60)
    arrivals.at = [arrivals.now + secs for secs in (0.001, 0.5)]
    assert gathered(at, since=0.0, burst=50) == (50, 0.0)
    assert gathered(at, since=0.0, burst=49) == (50, MIN_COMMIT_INTERVAL_SECS / 5)


def test_qos_0_messages_do_not_measure_the_window(ingest):
    at = ingest(Arrivals())
    gathered(at, since=MIN_COMMIT_INTERVAL_SECS, burst=60, message=QOS_0)
    assert gathered(at, since=0.0, burst=COALESCE_MIN_MESSAGES) == (COALESCE_MIN_MESSAGES, 0.0)


def test_new_connection_is_a_new_broker(ingest):
    at = ingest(Arrivals())
    gathered(at, since=MIN_COMMIT_INTERVAL_SECS, burst=60)
    at.session_began(True)
    assert gathered(at, since=0.0, burst=COALESCE_MIN_MESSAGES) == (COALESCE_MIN_MESSAGES, 0.0)


def test_coalescing_waits_for_the_full_interval_once_a_second(ingest):
    arrivals = Arrivals(*[n * 0.0001 for n in range(1, 200)])
    at = ingest(arrivals)
    at._probed_window_at -= WINDOW_PROBE_SECS * 1.1
    assert gathered(at, since=0.0, burst=COALESCE_MIN_MESSAGES) == (
        COALESCE_MIN_MESSAGES + 100,
        MIN_COMMIT_INTERVAL_SECS,
    )
    assert gathered(at, since=0.0, burst=COALESCE_MIN_MESSAGES)[0] > COALESCE_MIN_MESSAGES


def test_clock_that_was_set_moves_the_times_of_the_coverage(ingest):
    arrivals = Arrivals()
    arrivals.subscriptions = SimpleNamespace(maybe_subscribed=frozenset())
    made, wall_ms = ingest(arrivals), [1_800_000_000_000]
    made._spool.clock = WallClock(lambda: wall_ms[0], lambda: 0)
    made.coverage.tally("press").count(wall_ms[0])
    stateful = mapping(changes={"at_least_every_secs": 60})
    made._routes = Router([stateful])
    wall_ms[0] += 86_400_000
    made._housekeep()
    assert made.coverage.tally("press").last_ms == wall_ms[0]
    assert stateful.stateful.changes._stepped_ms == 86_400_000
