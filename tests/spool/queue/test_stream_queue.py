import threading
import time

import pytest

from bridge.errors import SpoolWriteError
from bridge.model import Record
from bridge.spool.queue.stream_queue import PAGE_RECORDS, StreamQueue
from tests.integration.arrivals import eventually


class Store:
    """Where a queue's records are kept: what the spool is to it."""

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
        return [record.data for record in self.queue.collect(count, max_bytes, 0.0, 0.0)]


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


def test_nothing_is_handed_out_before_it_is_committed():
    store = Store()
    store.queue.append(1, "k", b"a")
    assert store.take() == []


def test_a_record_without_a_key_is_spread_by_its_number():
    store = Store()
    store.put(b"a", b"b", key=None)
    assert [record.key for record in store.queue.collect(2, 1 << 20, 0, 0)] == ["1", "2"]


def test_a_batch_holds_no_more_bytes_of_data_and_keys_than_asked_for():
    store = Store()
    store.put(b"x" * 40, b"y" * 40, b"z" * 40, key="é" * 5)
    assert store.take(max_bytes=100) == [b"x" * 40, b"y" * 40]


def test_one_record_larger_than_a_batch_goes_alone():
    store = Store()
    store.put(b"x" * 200, b"y")
    assert store.take(max_bytes=100) == [b"x" * 200]


def test_what_does_not_fit_the_window_in_memory_is_read_back_until_senders_caught_up():
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


def test_a_queue_opened_again_begins_with_what_is_on_disk():
    rows = [Record(number, 1, "k", b"%d" % number) for number in (3, 4, 9)]
    store = Store(first=3, next_number=12, rows=rows)
    assert store.take() == [b"3", b"4", b"9"]
    store.put(b"12")
    assert store.take() == [b"12"]


def test_more_than_a_page_comes_page_by_page():
    rows = [Record(number, 1, "k", b"%d" % number) for number in range(1, 2 * PAGE_RECORDS + 11)]
    store = Store(first=1, next_number=2 * PAGE_RECORDS + 11, rows=rows)
    taken = []
    while data := store.take(700):
        taken += data
    assert taken == numbered(1, 2 * PAGE_RECORDS + 10)
    assert store.reads == 3


def test_a_full_batch_is_returned_at_once():
    store = Store()
    store.put(*numbered(1, 10))
    begun = time.monotonic()
    assert len(store.queue.collect(10, 1 << 20, 60.0, 60.0)) == 10
    assert time.monotonic() - begun < 30


def test_a_batch_full_of_bytes_is_returned_at_once():
    store = Store()
    store.put(b"x" * 2000)
    begun = time.monotonic()
    assert len(store.queue.collect(10, 1000, 60.0, 60.0)) == 1
    assert time.monotonic() - begun < 30


def test_a_batch_that_is_not_full_waits_for_more():
    store = Store()
    store.put(b"0")
    store.put(b"1")
    later = threading.Timer(0.1, store.put, [b"2", b"3"])
    later.start()
    begun = time.monotonic()
    records = store.queue.collect(4, 1 << 20, 60.0, 60.0)
    assert [record.data for record in records] == [b"0", b"1", b"2", b"3"]
    assert time.monotonic() - begun < 30
    later.join()


def test_one_that_lingers_is_woken_when_there_is_enough_and_not_by_each_commit(monkeypatch):
    store, found, wakes = Store(), [], []
    store.put(b"records")
    store.put(b"come one behind the other")
    assert len(store.take()) == 2
    notify = store.queue._changed.notify_all
    monkeypatch.setattr(store.queue._changed, "notify_all", lambda: (wakes.append(store.queue.next), notify()))
    collecting = threading.Thread(target=lambda: found.extend(store.queue.collect(20, 1 << 20, 20.0, 20.0)))
    collecting.start()
    store.put(b"0")
    eventually(lambda: store.queue._lingers_for, "it lingers")
    wakes.clear()
    for number in range(1, 20):
        store.put(b"%d" % number)
    collecting.join(10)
    assert len(found) == 20
    assert wakes == [2 + 20 + 1], "when there was enough"


def test_a_batch_waits_no_longer_than_its_linger():
    store = Store()
    store.put(b"0")
    store.put(b"1")
    begun = time.monotonic()
    assert len(store.queue.collect(3, 1 << 20, 0.1, 60.0)) == 2
    assert 0.09 < time.monotonic() - begun < 30


def test_a_record_that_ends_a_pause_waits_for_nobody():
    store = Store()
    store.put(b"0")
    assert len(store.queue.collect(3, 1 << 20, 30.0, 60.0)) == 1
    later = threading.Timer(0.2, store.put, [b"1"])
    later.start()
    begun = time.monotonic()
    assert len(store.queue.collect(3, 1 << 20, 0.15, 60.0)) == 1
    later.join()
    store.put(b"2")
    store.put(b"3")
    assert time.monotonic() - begun < 30
    begun = time.monotonic()
    assert len(store.queue.collect(3, 1 << 20, 0.3, 60.0)) == 2
    assert time.monotonic() - begun > 0.25


def test_an_empty_queue_times_out():
    begun = time.monotonic()
    assert Store().queue.collect(3, 1 << 20, 0.1, 0.1) == []
    assert 0.09 < time.monotonic() - begun < 30


def test_closing_lets_a_waiting_collect_return():
    store = Store()
    later = threading.Timer(0.05, store.queue.close)
    later.start()
    begun = time.monotonic()
    assert store.queue.collect(3, 1 << 20, 60.0, 60.0) == []
    assert time.monotonic() - begun < 30
    later.join()


def test_two_collecting_at_once_share_the_records():
    store = Store(fresh_bytes=5 * 260)
    taken, failures = [], []

    def collect():
        try:
            while records := store.queue.collect(7, 1 << 20, 0.0, 0.3):
                taken.extend(record.data for record in records)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=collect) for _ in range(2)]
    for thread in threads:
        thread.start()
    for at in range(1, 301, 3):
        store.put(*numbered(at, at + 2))
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(taken, key=int) == numbered(1, 300)


def test_what_was_taken_before_a_read_failed_is_not_lost():
    store = Store(fresh_bytes=2 * 260)
    store.put(*numbered(1, 2))
    store.put(*numbered(3, 9))
    store.broken = True
    assert store.take() == numbered(1, 2)
    with pytest.raises(SpoolWriteError):
        store.take()
    store.broken = False
    assert store.take() == numbered(3, 9)


def test_the_oldest_are_dropped_from_memory_and_disk_alike():
    store = Store(fresh_bytes=4 * 260)
    store.put(*numbered(1, 4))
    store.put(*numbered(5, 10))
    assert store.take(2) == numbered(1, 2)
    assert store.queue.drop_oldest(4) == (3, 6)
    store.queue.dropped()
    assert store.take() == numbered(7, 10)


def test_what_senders_hold_is_not_dropped():
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


def test_nothing_is_handed_out_while_a_drop_is_undecided_and_a_rewind_repeats_nothing():
    store = Store()
    store.put(*numbered(1, 6))
    assert store.take(2) == numbered(1, 2)
    assert store.queue.drop_oldest(2) == (3, 4)
    assert store.take() == []
    store.queue.rewind()
    assert store.take() == numbered(3, 6)
    assert store.take() == []


def test_settled_records_wait_for_the_next_transaction_and_for_the_one_after_a_failure():
    store = Store()
    store.put(b"1", b"2")
    [first, second] = store.queue.collect(2, 1 << 20, 0, 0)
    assert not store.queue.has_settled
    store.queue.settle([first], [])
    store.queue.settle([], [(second, "too_large", "why")])
    settled = store.queue.take_settled()
    assert [each.delivered for each in settled] == [[first.number], []]
    assert not store.queue.has_settled
    store.queue.settle_again(settled)
    assert store.queue.take_settled() == settled
