"""Stream that is resharded in simulated time. Responses to requests and listings arrive late."""

from dataclasses import dataclass, field
from random import Random

from bridge.kinesis.packing.packers import KplPacker, PackedRecord
from bridge.kinesis.put_records_codec import RecordAccepted
from bridge.kinesis.shard_map import Shard
from bridge.model import Record
from tests.fakes.kinesis_streams import Stored, Stream
from tests.harness.consumers import kept_by_kcl

MAX_PACKED_BYTES = 25 * 1024


@dataclass(eq=False)
class Request:
    """Entries of a PutRecords request.

    `results` are the results of the first entries, which Kinesis has already stored.
    """

    entries: list[Record | PackedRecord]
    sent_at: float
    results: list[RecordAccepted] = field(default_factory=list)


class SimulatedStream:
    def __init__(self, shards):
        self.stream = Stream("s", shards)
        self.listings = [(0.0, self.listing())]
        self._number = 0
        self._random = Random(1)

    def listing(self):
        return [Shard(shard.id, shard.first_hash, shard.last_hash) for shard in self.stream.open_shards]

    def shard(self, shard_id):
        return next(shard for shard in self.stream.shards if shard.id == shard_id)

    def split(self, index, now):
        shards = self.stream.open_shards
        self.stream.split(shards[index % len(shards)].number)
        self.listings.append((now, self.listing()))

    def merge(self, index, now):
        shards = self.stream.open_shards
        if len(shards) > 1:
            index %= len(shards) - 1
            self.stream.merge(shards[index].number, shards[index + 1].number)
            self.listings.append((now, self.listing()))

    def listing_at(self, at):
        """Return the response that ListShards would have given at an earlier time."""
        return [listing for since, listing in self.listings if since <= at][-1]

    def place(self, request, count=None):
        """Store the next entries of a request on their shards."""
        begin = len(request.results)
        end = len(request.entries) if count is None else begin + count
        for entry in request.entries[begin:end]:
            self._number += 1
            number = str(self._number).zfill(20)
            shard = self._shard_of(entry)
            shard.stored.append(Stored(shard.id, number, entry.key, entry.data))
            request.results.append(RecordAccepted(number, shard.id))

    def _shard_of(self, entry):
        """Choose a shard at random if the stream chooses it. Taking turns could look like a choice by key."""
        if self.stream.distribution == "AUTO":
            return self._random.choice(self.stream.open_shards)
        return self.stream.shard_of(entry.key, entry.hash_key if isinstance(entry, PackedRecord) else None)

    def keeps(self, packed, shard_id):
        """Return whether a consumer on the KCL returns the records of an aggregated record that this shard accepted."""
        found = kept_by_kcl(self.shard(shard_id), packed.key, packed.data)
        assert found in ([], [(record.key, record.data) for record in packed.records])
        return bool(found)


def pack(knowledge, records):
    """Return the entries for records, as the delivery makes them.

    If keys determine the shard, they are aggregated by shard or key.
    """
    if knowledge.distribution != "by_key":
        return list(records)
    by_shard = {}
    for record in records:
        by_shard.setdefault(knowledge.shard_of(record.key), []).append(record)
    kpl = KplPacker()
    return [packed for shard, some in by_shard.items() for packed in kpl.pack(some, shard, MAX_PACKED_BYTES)]
