"""Messages that come one by one share a transaction; nothing waits for it longer than a moment, or for nobody."""

import pytest

from bridge.ingest import GATHER_SECS, GATHERED, Ingest
from bridge.mapping.routes import Routes
from bridge.spool.transaction import Transaction
from tests.spool.spools import opened


class Arrivals:
    """A subscriber in simulated time. `at`: when messages come, in order; `ends`: when the connection does."""

    def __init__(self, *at, ends=1e9):
        self.now = 100.0
        self.at = [100.0 + each for each in at]
        self.ends = 100.0 + ends
        self.polls = 0

    @property
    def connected(self):
        return self.now < self.ends

    def poll(self, timeout_secs):
        self.polls += 1
        wait = min([self.now + timeout_secs, self.ends, *self.at[:1]])
        self.now = max(self.now, wait)
        due = [each for each in self.at if each <= self.now]
        del self.at[: len(due)]
        return due


@pytest.fixture
def gathered(tmp_path):
    """gathered(arrivals, since): how many go together, and how long the first has waited."""
    spool = opened(tmp_path)

    def gather(arrivals, since, burst=1):
        ingest = Ingest(arrivals, spool, Routes([]), limits={}, clock=lambda: arrivals.now)
        ingest._committed_at = arrivals.now - since
        found = [0.0] * burst
        ingest._gather(found)
        return len(found), pytest.approx(arrivals.now - 100.0, abs=1e-6)

    yield gather
    spool.commit(Transaction())
    spool.close()


def test_one_that_comes_alone_waits_for_none(gathered):
    arrivals = Arrivals(0.001)
    assert gathered(arrivals, GATHER_SECS) == (1, 0.0)
    assert arrivals.polls == 0


def test_those_that_come_right_behind_go_with_it_until_the_moment_is_over(gathered):
    assert gathered(Arrivals(*[n * 0.001 for n in range(1, 40)]), since=0.003) == (1 + 7, GATHER_SECS - 0.003)


def test_a_pause_ends_the_wait(gathered):
    assert gathered(Arrivals(0.001, 0.0015, 0.0095), since=0.0) == (3, 0.0035)


def test_many_wait_for_no_more(gathered):
    arrivals = Arrivals(*[0.0001 * n for n in range(100)])
    assert gathered(arrivals, since=0.0, burst=GATHERED) == (GATHERED, 0.0)
    assert arrivals.polls == 0


def test_without_a_connection_nothing_is_waited_for(gathered):
    assert gathered(Arrivals(0.0005, 0.002, 0.003, ends=0.001), since=0.0) == (2, 0.001)
