import time
from math import inf

import pytest

from bridge.errors import SpoolWriteError
from bridge.model import Record
from bridge.spool.queue.stream_queue import PAGE_RECORDS, StreamQueue


class Store:
    """Storage of a queue's records. It replaces the spool."""

    def __init__(self, *, fresh_bytes=1 << 20, first=1, next_number=1, rows=()):
        self.rows = {record.number: record for record in rows}
        self.reads = 0
        self.broken = False
        self.queue = StreamQueue(
            "press", 1, read=self.read, first=first, next_number=next_number, fresh_bytes=fresh_bytes
        )

    def read(self, stream, first, before):
        assert stream == 1
        if self.broken:
            raise SpoolWriteError("the disk is gone")
        self.reads += 1
        return [self.rows[number] for number in sorted(self.rows) if first <= number < before][:PAGE_RECORDS]

    def put(self, *data, key="k"):
        for each in data:
            self.queue.append(1, key, each)
        self.rows |= {record.number: record for record in self.queue.pending}
        self.queue.committed()

    def take(self, count=500, max_bytes=1 << 20):
        return [record.data for record in self.queue.take_batch(count, max_bytes)]


def numbered(first, last):
    return [b"%d" % number for number in range(first, last + 1)]


def test_records_come_in_order_and_each_once():
    store = Store()
    store.put(b"a", b"b")
    store.put(b"c")
    assert store.take(2) == [b"a", b"b"]
    assert store.take() == [b"c"]
    assert store.take() == []
    assert store.reads == 0


def test_queue_returns_no_record_before_its_commit():
    store = Store()
    store.queue.append(1, "k", b"a")
    assert store.take() == []


def test_record_without_a_key_is_spread_by_its_number():
    store = Store()
    store.put(b"a", b"b", key=None)
    assert [record.key for record in store.queue.take_batch(2, 1 << 20)] == ["1", "2"]


def test_batch_holds_no_more_bytes_of_data_and_keys_than_requested():
    store = Store()
    store.put(b"x" * 40, b"y" * 40, b"z" * 40, key="é" * 5)
    assert store.take(max_bytes=100) == [b"x" * 40, b"y" * 40]


def test_record_larger_than_a_batch_goes_alone():
    store = Store()
    store.put(b"x" * 200, b"y")
    assert store.take(max_bytes=100) == [b"x" * 200]


def test_records_beyond_the_memory_window_are_read_from_disk():
    store = Store(fresh_bytes=10 * 260)
    for at in range(1, 101, 5):
        store.put(*numbered(at, at + 4))
    taken = []
    while data := store.take(7):
        taken += data
    assert taken == numbered(1, 100)
    reads = store.reads
    assert reads > 0
    store.put(*numbered(101, 105))
    assert store.take() == numbered(101, 105)
    assert store.reads == reads  # from memory again


def test_appending_while_senders_catch_up_loses_and_repeats_nothing():
    store = Store(fresh_bytes=3 * 260)
    taken = []
    for at in range(1, 400, 4):
        store.put(*numbered(at, at + 3))
        taken += store.take(3)
    while data := store.take(50):
        taken += data
    assert taken == numbered(1, 400)


def test_queue_opened_again_begins_with_what_is_on_disk():
    rows = [Record(number, 1, "k", b"%d" % number) for number in (3, 4, 9)]
    store = Store(first=3, next_number=12, rows=rows)
    assert store.take() == [b"3", b"4", b"9"]
    store.put(b"12")
    assert store.take() == [b"12"]


def test_records_beyond_a_page_come_page_by_page():
    rows = [Record(number, 1, "k", b"%d" % number) for number in range(1, 2 * PAGE_RECORDS + 11)]
    store = Store(first=1, next_number=2 * PAGE_RECORDS + 11, rows=rows)
    taken = []
    while data := store.take(700):
        taken += data
    assert taken == numbered(1, 2 * PAGE_RECORDS + 10)
    assert store.reads == 3


class Lingering(Store):
    """A store with a clock that is set by hand, and a count of the calls of `on_ready`."""

    def __init__(self):
        super().__init__()
        self.now, self.woken = 100.0, 0
        self.queue.clock = lambda: self.now
        self.queue.on_ready = self.wake
        self.put(b"the pause before the first commit is endless")
        assert len(self.take()) == 1

    def wake(self):
        self.woken += 1

    def put_at(self, now, *data):
        self.now = now
        self.put(*data)

    def due_at(self, max_records=10, max_bytes=1 << 20, linger_secs=1.0):
        return self.queue.due_at(max_records, max_bytes, linger_secs)


def test_due_at_of_an_empty_queue_is_never():
    assert Store().queue.due_at(3, 1 << 20, 1.0) is None


def test_due_at_of_enough_records_or_bytes_is_now():
    store = Lingering()
    store.put_at(100.1, *numbered(1, 10))
    assert store.due_at(10) == -inf
    assert store.due_at(100, max_bytes=10) == -inf


def test_due_at_of_few_records_is_the_linger_after_the_first():
    store = Lingering()
    store.put_at(100.1, b"1")
    store.put_at(100.5, b"2")
    assert store.due_at(10) == 101.1


def test_due_at_of_a_record_that_ends_a_pause_is_now():
    store = Lingering()
    store.put_at(102.0, b"1")
    assert store.due_at(linger_secs=2.0) == -inf
    assert store.due_at(linger_secs=2.1) == 104.1


def test_due_at_of_records_of_an_earlier_run_is_now():
    store = Store(first=1, next_number=2, rows=[Record(1, 1, "k", b"1")])
    assert store.queue.due_at(10, 1 << 20, 60.0) <= time.monotonic()


def test_due_at_of_a_closed_queue_is_never():
    store = Lingering()
    store.put_at(100.1, b"1")
    store.queue.close()
    assert store.due_at() is None
    assert store.queue.take_batch(1, 1 << 20) == []


def test_first_record_wakes_the_sender_once():
    store = Lingering()
    assert store.due_at() is None
    store.put_at(100.1, b"1")
    store.put_at(100.2, b"2")
    assert store.woken == 1


def test_commits_during_a_linger_wake_the_sender_when_there_is_enough():
    store = Lingering()
    store.put_at(100.1, b"0")
    assert store.due_at(20) == 101.1
    for number in range(1, 19):
        store.put_at(100.2, b"%d" % number)
    assert store.woken == 0
    store.put_at(100.3, b"19")
    assert store.woken == 1


def test_records_left_by_a_full_batch_linger_from_then_on():
    store = Lingering()
    store.put_at(100.1, *numbered(1, 3))
    store.now = 100.6
    assert store.take(2) == numbered(1, 2)
    assert store.due_at() == 101.6


def test_records_taken_before_a_failed_read_are_not_lost():
    store = Store(fresh_bytes=2 * 260)
    store.put(*numbered(1, 2))
    store.put(*numbered(3, 9))
    store.broken = True
    assert store.take() == numbered(1, 2)
    with pytest.raises(SpoolWriteError):
        store.take()
    store.broken = False
    assert store.take() == numbered(3, 9)


def test_oldest_are_dropped_from_memory_and_disk_alike():
    store = Store(fresh_bytes=4 * 260)
    store.put(*numbered(1, 4))
    store.put(*numbered(5, 10))
    assert store.take(2) == numbered(1, 2)
    assert store.queue.drop_oldest(4) == (3, 6)
    store.queue.dropped()
    assert store.take() == numbered(7, 10)


def test_records_in_flight_are_not_dropped():
    store = Store()
    store.put(*numbered(1, 3))
    store.take()
    assert store.queue.drop_oldest(10) is None


def test_dropping_from_a_page_that_was_read_back():
    store = Store(fresh_bytes=0)
    store.put(*numbered(1, 10))
    assert store.take(3) == numbered(1, 3)
    assert store.queue.drop_oldest(2) == (4, 5)
    store.queue.dropped()
    assert store.take() == numbered(6, 10)


def test_undecided_drop_pauses_reading_and_a_rewind_repeats_none():
    store = Store()
    store.put(*numbered(1, 6))
    assert store.take(2) == numbered(1, 2)
    assert store.queue.drop_oldest(2) == (3, 4)
    assert store.take() == []
    store.queue.rewind()
    assert store.take() == numbered(3, 6)
    assert store.take() == []


def test_settled_records_are_committed_with_the_next_transaction():
    store = Store()
    store.put(b"1", b"2")
    [first, second] = store.queue.take_batch(2, 1 << 20)
    assert not store.queue.has_settled
    store.queue.settle([first], [])
    store.queue.settle([], [(second, "too_large", "why")])
    settled = store.queue.take_settled()
    assert [each.delivered for each in settled] == [[first.number], []]
    assert not store.queue.has_settled
    store.queue.settle_again(settled)
    assert store.queue.take_settled() == settled
