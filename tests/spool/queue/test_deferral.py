"""Records of some keys are deferred on disk, read later, dropped and restored. No record is lost or repeated."""

import random
import sqlite3

import pytest

from bridge.model import UnnumberedEnvelope
from bridge.spool.database.transaction import Transaction, write_dropped
from bridge.spool.ledger import Ledger
from bridge.spool.queue.commit_times import CommitTimes
from bridge.spool.queue.live_first_queue import LIVE_SECS
from tests.spool.builders import append, opened

KEYS = "abcd"


def numbers(records):
    return [record.number for record in records]


def some_left(tmp_path, keys="ab" * 5):
    """Return a queue with records of these keys.

    Two records were collected, and the other records of key `a` are deferred.
    """
    spool = opened(tmp_path)
    for key in keys:
        append(spool, b"x", key=key)
    spool.commit(Transaction())
    queue = spool.queue("press")
    queue.take_batch(2, 1000)
    return spool, queue, queue.defer(lambda key: key == "a")


def collected(queue):
    """Return the batch of a sender that skips deferred records."""
    return [r for r in queue.take_batch(100, 1 << 20) if not any(left.holds(r.key) for left in queue.deferrals)]


def test_deferred_records_are_read_again_after_the_rest(tmp_path):
    spool, queue, left = some_left(tmp_path)
    assert numbers(collected(queue)) == [4, 6, 8, 10]
    assert (queue.waiting > 0, left.done) == (True, False)
    assert numbers(queue.read_deferred(left)) == [3, 5, 7, 9]
    assert (queue.waiting, left.done, queue.deferrals) == (0, True, [])
    spool.close()


def test_deferred_records_count_for_the_age_of_the_queue(tmp_path):
    spool, queue, left = some_left(tmp_path)
    queue.commits, queue._now_ms = CommitTimes(), lambda: 100_000  # as after a restart
    queue.receive_times.pairs = [(1, 40_000)]
    collected(queue)
    assert queue.oldest_secs(None) == 60.0
    assert queue.older_than(50_000) > 0
    queue.read_deferred(left)
    assert queue.oldest_secs(None) == 0.0
    spool.close()


def test_oldest_deferred_record_is_dropped_first(tmp_path):
    spool, queue, left = some_left(tmp_path)
    collected(queue)
    assert queue.drop_oldest(3) == (3, 3)
    assert queue.drop_oldest(3) == (5, 5)
    assert queue.read_deferred(left) == []
    queue.dropped()
    assert numbers(queue.read_deferred(left)) == [7, 9]
    spool.close()


def test_records_that_could_not_be_dropped_are_deferred_again(tmp_path):
    spool, queue, left = some_left(tmp_path)
    collected(queue)
    while queue.drop_oldest(100):
        pass
    queue.rewind()
    assert numbers(queue.read_deferred(left)) == [3, 5, 7, 9]
    spool.close()


def test_record_is_not_dropped_for_the_age_of_an_older_one(tmp_path):
    spool, queue, left = some_left(tmp_path, "ab" + "b" * 6 + "a")
    collected(queue)
    assert queue.drop_oldest(4) is None, "the only one left is number 9"
    queue.dropped()
    assert numbers(queue.read_deferred(left)) == [9]
    spool.close()


def test_deferral_of_several_keys_may_be_divided(tmp_path):
    spool, queue, left = some_left(tmp_path)
    collected(queue)
    first, second = queue.divide(left, [lambda key: key == "a", lambda key: key == "z"])
    assert queue.read_deferred(second) == []
    assert numbers(queue.read_deferred(first)) == [3, 5, 7, 9]
    spool.close()


def enveloped(value):
    return UnnumberedEnvelope(UnnumberedEnvelope.UNNUMBERED + b'","data":"%b"}' % value)


class Model:
    """State of each record: on disk, in the sender, or settled.

    `newest`: for each key, the last record that was not late.
    """

    def __init__(self, folder, chance, *, live_first=False):
        self.spool, self.chance = (
            opened(folder, fresh_bytes=chance.choice([0, 2000, 1 << 20]), live_first=live_first),
            chance,
        )
        self.queue, self.live_first = self.spool.queue("press"), live_first
        self.now, self.queue.clock = 0.0, lambda: self.now
        self.unsent, self.held, self.handed_out, self.newest = {}, {}, set(), {}
        self.lefts = {}

    def append(self):
        for _ in range(self.chance.randint(1, 12)):
            key = self.chance.choice("aaab" + KEYS)
            self.unsent[self.queue.next] = key
            append(self.spool, enveloped(b"x" * self.chance.choice([1, 100])), key=key)
        self.spool.commit(Transaction())
        self.now += self.chance.choice([0.0, 0.0, 0.0, LIVE_SECS + 1])

    def take(self, records):
        for record in records:
            assert record.number not in self.handed_out, "handed out twice"
            assert self.unsent.pop(record.number) == record.key
            self.handed_out.add(record.number)
            self.held[record.number] = record
            if b'"late":true' not in record.data:
                assert record.number > self.newest.get(record.key, 0), "overtaken, and not late"
                self.newest[record.key] = record.number
            else:
                assert self.live_first

    def collect(self):
        fresh = self.queue.take_batch(self.chance.randint(1, 20), 1 << 20)
        self.take([r for r in fresh if not any(left.holds(r.key) for left in self.queue.deferrals)])

    def defer(self):
        left_now = {key for left, keys in self.lefts.items() if not left.done for key in keys}
        if free := [key for key in KEYS if key not in left_now]:
            keys = self.chance.sample(free, self.chance.randint(1, len(free)))
            self.lefts[self.queue.defer(lambda key: key in keys)] = keys

    def read_deferred(self):
        for left in self.queue.deferrals[:]:
            self.take(self.queue.read_deferred(left))

    def divide(self):
        wide = [left for left in self.queue.deferrals if len(self.lefts[left]) > 1]
        if wide:
            keys = self.lefts[wide[0]]
            parts = self.queue.divide(wide[0], [lambda each, key=key: each == key for key in keys])
            assert len(parts) in (0, len(keys))
            self.lefts.update((part, [key]) for part, key in zip(parts, keys, strict=False))

    def settle(self):
        some = self.chance.sample(list(self.held.values()), self.chance.randint(0, len(self.held)))
        for record in some:
            del self.held[record.number]
        self.queue.settle(some, [])
        self.spool.commit(Transaction())

    def drop(self):
        """Drop records in a transaction that succeeds or fails. In between, a sender uses the queue."""
        database, spans = self.spool._database, []
        database.execute("begin immediate")
        for _ in range(self.chance.randint(1, 5)):
            span = self.queue.drop_oldest(self.chance.choice([1, 5, 30]))
            if span is None:
                break
            spans.append(span)
            write_dropped(database, self.queue, *span, Ledger())
            self.chance.choice([self.collect, self.read_deferred, self.divide, self.defer])()
        if self.chance.random() < 0.5:
            database.execute("rollback")
            self.queue.rewind()
            return
        database.execute("commit")
        self.queue.dropped()
        for first, last in spans:
            for number in range(first, last + 1):
                assert number not in self.held, "dropped what a sender holds"
                self.unsent.pop(number, None)

    def there(self):
        database = sqlite3.connect(self.spool.folder.database)
        try:
            return {number for (number,) in database.execute(f"select number from queue_{self.queue.number}")}
        finally:
            database.close()


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("live_first", [False, True])
def test_deferral_loses_no_record_and_repeats_none(tmp_path, monkeypatch, live_first, seed):
    monkeypatch.setattr("bridge.spool.database.reader.PAGE_RECORDS", 7)
    monkeypatch.setattr("bridge.spool.queue.deferral.MAX_SPANS", 3)
    chance = random.Random(seed)
    model = Model(tmp_path, chance, live_first=live_first)
    happens = [model.append, model.collect, model.defer, model.read_deferred, model.divide, model.settle, model.drop]
    for event in chance.choices(happens, [8, 8, 2, 4, 1, 4, 1], k=200):
        event()
        assert model.there() == {*model.unsent, *model.held}
    for _ in range(200):
        model.collect()
        model.read_deferred()
    assert not model.unsent
    model.spool.close()
