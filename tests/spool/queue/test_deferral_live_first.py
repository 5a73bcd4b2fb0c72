"""Deferred records of a live-first queue are read again with the newest first."""

import json

import pytest

from bridge.errors import SpoolWriteError
from bridge.model import UnnumberedEnvelope
from bridge.spool.database.transaction import Transaction
from bridge.spool.queue import deferral
from bridge.spool.queue.commit_times import CommitTimes
from bridge.spool.queue.deferral import MAX_SPANS
from bridge.spool.queue.stream_queue import PAGE_BYTES
from tests.spool.builders import append, opened, settle

PAGE = 10


@pytest.fixture
def spool(tmp_path, monkeypatch):
    monkeypatch.setattr("bridge.spool.database.reader.PAGE_RECORDS", PAGE)
    found = opened(tmp_path, live_first=True)
    yield found
    found.close()


def put(spool, count, key="a"):
    for _ in range(count):
        append(spool, UnnumberedEnvelope(UnnumberedEnvelope.UNNUMBERED + b'","data":1}'), key=key)
    spool.commit(Transaction())


def left_of(spool, key="a"):
    return spool.queue("press").defer(lambda each: each == key)


def numbers(records):
    return [record.number for record in records]


def late(records):
    return [record.number for record in records if json.loads(record.data).get("late")]


def collected(spool):
    """Return the batch of a sender that skips deferred records."""
    queue = spool.queue("press")
    return [r for r in queue.take_batch(1000, 1 << 20) if not any(left.holds(r.key) for left in queue.deferrals)]


def test_newest_page_goes_first_and_what_it_overtook_is_late(spool):
    left = left_of(spool)
    put(spool, 25)
    assert collected(spool) == []
    first = spool.queue("press").read_deferred(left)
    assert (numbers(first), late(first)) == ([*range(16, 26)], [])
    put(spool, 3)
    assert collected(spool) == []
    then = [spool.queue("press").read_deferred(left) for _ in range(3)]
    assert [numbers(page) for page in then] == [[26, 27, 28], [*range(6, 16)], [*range(1, 6)]]
    assert [late(page) for page in then] == [[], [*range(6, 16)], [*range(1, 6)]]
    assert left.done


def test_page_is_no_larger_than_pages_are_and_skips_nothing(spool):
    left = left_of(spool)
    for _ in range(5):
        append(spool, bytes(PAGE_BYTES // 2), key="a")
    spool.commit(Transaction())
    while spool.queue("press").take_batch(1000, 1 << 20):
        pass
    pages = [spool.queue("press").read_deferred(left) for _ in range(3)]
    assert [numbers(page) for page in pages] == [[4, 5], [2, 3], [1]]


def test_deferred_backlog_is_late_when_it_is_read_again(tmp_path, spool):
    """This includes records that were read into memory before they were deferred."""
    put(spool, 15)
    spool.close()
    spool = opened(tmp_path, live_first=True)
    queue = spool.queue("press")
    assert late(queue.take_batch(5, 1 << 20)) == [1, 2, 3, 4, 5]
    left = left_of(spool)
    queue.take_batch(5, 1 << 20)
    assert late(queue.read_deferred(left)) == [*range(6, 11)]
    left = left_of(spool)
    assert collected(spool) == []
    assert late(queue.read_deferred(left)) == [*range(11, 16)]
    spool.close()


def test_records_that_were_not_taken_are_not_read_as_deferred(spool):
    left = left_of(spool)
    put(spool, 5)
    assert spool.queue("press").waiting == 5
    assert spool.queue("press").read_deferred(left) == []
    assert left.done
    assert numbers(collected(spool)) == [1, 2, 3, 4, 5]
    assert spool.queue("press").waiting == 0


def test_deferred_records_wait_and_have_their_age(spool):
    queue = spool.queue("press")
    left = left_of(spool)
    put(spool, 5)
    queue.commits, queue._now_ms = CommitTimes(), lambda: 100_000  # as after a restart
    queue.receive_times.pairs = [(1, 40_000)]
    assert collected(spool) == []
    assert (queue.waiting, queue.oldest_secs(None)) == (5, 60.0)
    assert queue.older_than(50_000) == 5
    queue.read_deferred(left)
    assert (queue.waiting, queue.oldest_secs(None)) == (0, 0.0)


def test_drop_removes_the_oldest_record_deferred_or_not(tmp_path, spool):
    put(spool, 2, "b")
    spool.close()
    spool = opened(tmp_path, live_first=True)
    queue, left = spool.queue("press"), left_of(spool)
    put(spool, 4)
    queue.take_batch(3, 1 << 20)
    put(spool, 1, "b")
    assert queue.drop_oldest(1) == (1, 1), "the backlog is older than what is left"
    assert queue.drop_oldest(9) == (2, 2)
    assert queue.drop_oldest(2) == (3, 4)
    assert queue.drop_oldest(2) == (5, 5)
    assert queue.drop_oldest(9) == (6, 7), "what is in memory is the newest"
    assert queue.drop_oldest(9) is None
    queue.rewind()
    assert numbers(queue.read_deferred(left)) == [3, 4, 5]
    assert sorted(numbers(queue.take_batch(9, 1 << 20))) == [1, 2, 6, 7]
    spool.close()


def followed(spool, turns, *, settled):
    """Return the deferral and its maximum number of spans.

    Each turn appends two pages of records and reads one page.
    """
    queue, left, most = spool.queue("press"), left_of(spool), 0
    for _ in range(turns):
        put(spool, 2 * PAGE)
        assert collected(spool) == []
        page = queue.read_deferred(left)
        if settled:
            settle(spool, page)
        most = max(most, len(left.spans))
    return left, most


def test_spans_are_no_more_however_long_it_continues(spool):
    left, most = followed(spool, 4 * MAX_SPANS, settled=True)
    assert most <= MAX_SPANS + 1
    again = set()
    while not left.done:
        again |= {*numbers(spool.queue("press").read_deferred(left))}
    assert len(again) == 4 * MAX_SPANS * PAGE


def test_gap_is_not_closed_while_a_sender_holds_some_of_it(spool, monkeypatch):
    monkeypatch.setattr(deferral, "MAX_SPANS", 2)
    left, most = followed(spool, 20, settled=False)
    assert most == 21
    queue, given = spool.queue("press"), []
    while not left.done:
        given += numbers(queue.read_deferred(left))
    assert len(given) == len({*given}) == 20 * PAGE


def test_page_that_cannot_be_read_is_read_later(spool, monkeypatch):
    def fails(*_, **__):
        raise SpoolWriteError("the disk is gone")

    left = left_of(spool)
    put(spool, 5)
    assert collected(spool) == []
    queue = spool.queue("press")
    read = queue._read
    queue._read = fails
    with pytest.raises(SpoolWriteError):
        queue.read_deferred(left)
    queue._read = read
    assert numbers(queue.read_deferred(left)) == [1, 2, 3, 4, 5]


def test_record_dropped_while_a_page_is_read_is_not_returned(spool):
    left = left_of(spool)
    put(spool, 5)
    assert collected(spool) == []
    queue = spool.queue("press")
    read = queue._read

    def meanwhile(*span, **options):
        found = read(*span, **options)
        queue._read = read
        assert queue.drop_oldest(5) == (1, 5)
        queue.dropped()
        return found

    queue._read = meanwhile
    assert queue.read_deferred(left) == []
    assert not left.done
