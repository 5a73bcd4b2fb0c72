"""One stream's sender on a real spool, in simulated time: no threads, and a stream whose shards have their limits."""

import json
import sqlite3
from base64 import b64encode
from unittest import mock

from bridge.delivery.batch_filler import PACKED_DRAIN_RECORDS
from bridge.delivery.delivery_tracker import DeliveryTracker
from bridge.delivery.settings import SenderSettings
from bridge.delivery.shard_deferral import ShardDeferral
from bridge.errors import SpoolWriteError
from bridge.kinesis.publisher import StreamDescription
from bridge.kinesis.put_records_codec import RecordAccepted, RecordFailed
from bridge.kinesis.shard_map import Shard
from bridge.model import BatchingOptions
from bridge.spool import store
from bridge.spool.database.transaction import Transaction, write_rest
from tests.delivery.requests import next_request, on_results, room
from tests.fakes.kinesis_faults import Script
from tests.fakes.kinesis_streams import Stream
from tests.harness.consumers import kcl
from tests.spool.builders import assert_ledger_balanced, opened

STEP_SECS = 0.05
BEGUN_MS = 1_700_000_000_000
SETTINGS = SenderSettings(requests_in_flight=2)


class Run:
    """Sender of one stream without threads. Requests are answered at once. `delivered`: time of delivery by number."""

    def __init__(self, folder, name, shards=4, **options):
        self.now = 0.0
        self.settings = options.pop("settings", SETTINGS)
        self.folder, self.options = folder, options
        self.spool = self.open()
        self.name, self.script = name, Script()
        self.stream = Stream("s", shards, limited=True, clock=lambda: self.now)
        self.received: dict[int, float] = {}
        self.delivered: dict[int, float] = {}
        self.keys: dict[int, str] = {}
        self.dropped = 0
        self.most_held = 0
        self.told, self.left_at_all = True, False
        self.fails = lambda: False
        self.keys_used = [f"k{n}" for n in range(9)]
        self.weights = [150, *[1] * 8]
        self.start()

    def open(self):
        """Open the spool. The test has no power failures, so commits do not wait for the disk."""
        spool = opened(self.folder, **self.options)
        spool._database.execute("pragma synchronous = off")
        return spool

    def start(self):
        self.queue = self.spool.queue(self.name)
        self.queue._now_ms = lambda: BEGUN_MS + int(self.now * 1000)
        self.queue.clock = lambda: self.now  # with `backlog: live_first`, the queue needs it to find the live records
        self.tracker = DeliveryTracker(self.name, self.settings)
        self.tracker.tune(BatchingOptions())
        self.tracker.on_described(StreamDescription(), self.now)
        self.deferral = ShardDeferral(self.queue, self.tracker.accumulator, self.settings.requests_in_flight)
        self.capacity = PACKED_DRAIN_RECORDS * self.settings.requests_in_flight

    def restart(self, *_):
        """Restart the sender. Settled records are committed, and all other records are read again."""
        self.commit()
        self.spool.close()
        self.spool = self.open()
        self.start()

    def reshard(self, chance):
        """Add or remove a shard."""
        shards = self.stream.open_shards
        if len(shards) < 5:
            self.stream.split(chance.choice(shards).number)
        else:
            place = chance.randrange(len(shards) - 1)
            self.stream.merge(shards[place].number, shards[place + 1].number)

    def forget_shards(self, *_):
        """Make all knowledge of the shards doubtful, as if each had been split."""
        shards = self.tracker.accumulator.shards
        shards._history.close_all(self.now)
        shards._resolve(self.now)

    def nothing(self, _chance):
        """Ignore the call."""

    def commit(self):
        """Commit settled records.

        The disk may fail before or after records are removed; the commit is then repeated.
        """
        failing = self.fails()

        def rest(*arguments):
            if failing:
                raise sqlite3.OperationalError("disk I/O error")
            return write_rest(*arguments)

        with mock.patch.object(store, "write_rest", rest):
            try:
                self.spool.commit(Transaction())
            except SpoolWriteError:
                failing = False
                self.turn()
                self.spool.commit(Transaction())

    def drain(self):
        """Send all remaining records without new ones. Each key stays in order."""
        for _ in range(20_000):
            self.step()
            if not self.spool.waiting_by_count()[self.name] and not self.queue.has_settled:
                break
        dropped = sum(row.dropped for row in self.spool.ledger_rows())
        assert len(self.delivered) + dropped == len(self.received)
        assert_ledger_balanced(self.spool)
        if "strict" in self.name:
            assert in_order(kcl(self.stream))

    def key_of(self, number):
        """Return a partition key on the shard of this number."""
        return next(key for key in map("k{}".format, range(1000)) if self.stream.shard_of(key).number == number)

    def append(self, shard, count, data):
        self.append_key(self.key_of(shard), count, data)

    def append_key(self, key, count, data):
        for _ in range(count):
            number = self.queue.next
            self.received[number], self.keys[number] = self.now, key
            self.queue.append(self.spool.mapping_number("m"), key, b"%012d%b" % (number, data))

    def shards(self):
        if self.told and self.tracker.accumulator.shards.start_listing(self.now):
            found = [Shard(shard.id, shard.first_hash, shard.last_hash) for shard in self.stream.open_shards]
            self.settle(self.tracker.on_shards(found, self.now))

    def settle(self, records):
        for record in records:
            assert record.number not in self.delivered, "settled twice"
            self.delivered[record.number] = self.now
        if records:
            self.queue.settle(list(records), [])

    def step(self):
        """Advance the simulation by a twentieth of a second."""
        self.commit()
        self.shards()
        while self.turn():
            self.left_at_all |= bool(self.queue.deferrals)
        self.now += STEP_SECS

    def turn(self):
        fresh = self.deferral.read_deferred(self.deferral.readable())
        if not fresh:
            records, size = room(self.tracker, self.now)
            fresh = self.queue.take_batch(records, size) if min(records, size) > 0 else []
            fresh, found = self.deferral.without_deferred(fresh, self.now), bool(fresh)
        else:
            found = True
        self.tracker.add(fresh, self.now)
        self.deferral.defer_busiest_shard()
        self.most_held = max(self.most_held, self.tracker.outstanding)
        batch = next_request(self.tracker, self.now)
        if batch.records:
            self.answer(batch)
        return found or bool(batch.records)

    def answer(self, batch):
        entries = [
            {"PartitionKey": entry.key, "Data": b64encode(entry.data).decode(), **explicit(entry)}
            for entry in batch.entries
        ]
        answers = json.loads(self.stream.put(entries, self.script))["Records"]
        delivered, rejected = on_results(self.tracker, batch, [result(each) for each in answers], self.now)
        assert not rejected
        self.settle(delivered)

    def waits(self, key, since=0.0):
        """Return the waiting time of each record of a key that was received since then."""
        return [
            self.delivered.get(number, self.now) - at
            for number, at in self.received.items()
            if self.keys[number] == key and at >= since
        ]


def in_order(found):
    """Return whether the records of each key were delivered in order, ignoring duplicates."""
    last = {}
    for key, data in dict.fromkeys(found):
        number = int(data[:12])
        if number < last.get(key, 0):
            return False
        last[key] = number
    return True


def explicit(entry):
    return {"ExplicitHashKey": entry.hash_key} if getattr(entry, "hash_key", None) is not None else {}


def result(answer):
    if "ErrorCode" in answer:
        return RecordFailed(answer["ErrorCode"], answer["ErrorMessage"])
    return RecordAccepted(answer["SequenceNumber"], answer["ShardId"])
