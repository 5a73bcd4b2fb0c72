"""Time from the arrival and from the commit of a record to its delivery."""

from itertools import pairwise

import pytest

from bridge.histogram import LATENCY_SECS
from bridge.model import Record
from bridge.spool.queue import commit_times as module
from bridge.spool.queue.commit_times import CommitTimes


def records(*numbers):
    return [Record(number, 1, "k", b"") for number in numbers]


def no_age(number):
    raise AssertionError(f"the commit of {number} is known")


def counts(histogram):
    """Return the non-empty buckets by their upper bound, for the bounds that both histograms have."""
    value = histogram.value()
    at = [value.bounds.index(bound) for bound in LATENCY_SECS]
    bounds, cumulative = LATENCY_SECS, [*(value.cumulative[each] for each in at), value.cumulative[-1]]
    each = [cumulative[0], *(now - before for before, now in pairwise(cumulative))]
    return {bound: count for bound, count in zip((*bounds, "more"), each, strict=True) if count}


@pytest.fixture
def commits():
    made = CommitTimes()
    made.add(1, 10, received_at=100.0, now=100.004)
    made.add(11, 12, received_at=100.5, now=100.85)
    return made


def test_run_is_timed_commit_by_commit(commits):
    commits.delivered(records(*range(5, 13)), 101.0, no_age)
    assert counts(commits.from_arrival) == {1.0: 6, 0.5: 2}
    assert counts(commits.from_disk) == {1.0: 6, 0.25: 2}
    assert commits.from_arrival.value().total == pytest.approx(6 * 1.0 + 2 * 0.5)


def test_records_that_lie_apart_are_each_of_their_commit(commits):
    commits.delivered(records(11, 2, 12, 5), 101.0, no_age)
    assert counts(commits.from_arrival) == {1.0: 2, 0.5: 2}


def test_record_of_an_earlier_run_has_the_age_of_its_receive_time(commits):
    later = CommitTimes()
    later.add(1_000, 1_001, received_at=50.0, now=50.0)
    later.delivered(records(*range(996, 1_002)), 51.0, lambda number: {996: 7_000.0}[number])
    assert counts(later.from_arrival) == {10800.0: 4, 1.0: 2}


def test_age_before_any_commit_comes_from_the_receive_times():
    fresh = CommitTimes()
    fresh.delivered(records(1, 2, 3), 51.0, lambda _number: 30.0)
    fresh.delivered(records(9, 7), 51.0, float)
    assert counts(fresh.from_arrival) == {30.0: 3, 10.0: 2}


def test_record_without_a_receive_time_is_not_timed():
    fresh = CommitTimes()
    fresh.delivered(records(1), 51.0, lambda _number: None)
    assert counts(fresh.from_arrival) == {}


def test_commits_not_in_memory_are_timed_by_the_receive_times(monkeypatch):
    monkeypatch.setattr(module, "_MAX_COMMITS", 4)
    commits = CommitTimes()
    for number in range(1, 7):
        commits.add(number, number, received_at=float(number), now=float(number))
    commits.delivered(records(1, 2, 3, 4, 5, 6), 6.5, lambda _number: 100.0)
    assert counts(commits.from_arrival) == {120.0: 2, 5.0: 1, 2.5: 2, 0.5: 1}
