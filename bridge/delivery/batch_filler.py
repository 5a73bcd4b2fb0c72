"""Filler of batches: it adds the records of one shard to a batch, up to the free capacity of the shard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.delivery.key_queue import NOW
from bridge.kinesis.limits import MAX_REQUEST_BYTES, counted_bytes
from bridge.kinesis.packing.packers import packer
from bridge.kinesis.shard_map import hash_of
from bridge.model import spread_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.delivery.batch import Batch
    from bridge.delivery.key_queue import ShardQueue
    from bridge.delivery.key_queues import KeyQueues
    from bridge.delivery.shard_knowledge import ShardKnowledge
    from bridge.delivery.shard_limiter import ShardLimiter
    from bridge.kinesis.packing.packers import Packer
    from bridge.kinesis.shard_map import Shard
    from bridge.model import Destination, Record

PACKED_DRAIN_RECORDS = 10_000
"""Maximum number of spool records that are drawn at once for packing."""

# A shard counts as busy while it is full, and for this number of seconds afterwards.
_BUSY_SECS = 1.0
# Number of random keys to try for a packed record, in order to find a shard with free capacity. With only two or three
# keys, often all of them belong to full shards.
_KEYS_TRIED = 8
# Maximum number of shards whose free capacity is added up. More shards usually accept more than one request can
# contain, so the sum is not needed.
_MAX_SHARDS_SUMMED = 64


class BatchFiller:
    """Filler of the batches of one destination. The caller sets `now` before each batch.

    `packer` is None while records are not packed. `busy_until` is the time until which at least one shard counts as
    busy.
    """

    def __init__(
        self, destination: Destination, queues: KeyQueues, shards: ShardKnowledge, limiter: ShardLimiter
    ) -> None:
        self.max_packed_bytes = 0
        self.packer: Packer | None = None
        self.now = self.busy_until = NOW
        self._destination = destination
        self._strict = destination.order == "strict"
        self._keyless = destination.keys == "spread"
        self._queues = queues
        self._shards = shards
        self._limiter = limiter

    def choose_packer(self) -> None:
        """Select the packer. Records are aggregated in the KPL format only if partition keys determine the shard."""
        packing = self._destination.packing
        if packing != "lines" and not (packing == "kpl" and self._shards.distribution == "by_key"):
            self.packer = None
        elif self.packer is None:
            self.packer = packer(self._destination, self._pick_key)

    def fill(self, batch: Batch, queue: ShardQueue, max_record_bytes: int, max_queues: int) -> None:
        """Add records of one shard queue until the batch or the shard is full, or `max_queues` key queues are used."""
        # Without strict order, the loop runs once. This fills the batch, uses up the shard's limit, or empties the
        # queue.
        while queue.ready and max_queues > 0 and not batch.full and self._available(queue.shard):
            before = len(batch.records)
            if self.packer is None:
                max_queues -= self._fill_plain(batch, queue, max_queues)
            else:
                max_queues -= self._fill_packed(batch, queue, max_record_bytes, max_queues)
            if len(batch.records) == before or not self._strict:
                break

    def _fill_plain(self, batch: Batch, queue: ShardQueue, max_queues: int) -> int:
        records, size = batch.room_records, batch.room_bytes
        if queue.shard is not None:
            shard_records, shard_bytes = self._limiter.available(queue.shard.id, self.now)
            records, size = min(records, shard_records), min(size, shard_bytes)
        # A record that is larger than the remaining room waits until it can be the first record of a batch. The first
        # record is always sent. Otherwise, a record that is larger than any room would never be sent.
        if batch.records and size < counted_bytes(queue.ready[0].records[0]):
            return max_queues
        # With strict order, a request has only one record of each key. If it had two records, Kinesis could refuse the
        # first record and accept the second.
        hold, taken_bytes = self._queues.draw(
            queue, 1 if self._strict else records, size, 1 if self._strict else max_queues
        )
        batch.add_plain(hold.records, taken_bytes)
        batch.holds.append(hold)
        if queue.shard is not None:
            self._limiter.consume(queue.shard.id, len(hold.records), taken_bytes, self.now)
        return len(hold.key_queues)

    def _fill_packed(self, batch: Batch, queue: ShardQueue, max_record_bytes: int, max_queues: int) -> int:
        """Add packed records. Records for which the batch or the shard has no room return to their queues."""
        assert self.packer is not None  # noqa: S101 - the caller has checked it
        max_packed = min(max_record_bytes, self.max_packed_bytes)
        ratio = self.packer.ratio
        if self._strict:  # each key has one Kinesis record in the request, with as many records of the key as fit
            # Packing may compress records by the factor `ratio`, so more bytes are drawn than a packed record may have.
            size = int(max_packed * ratio)
            if self._destination.packing == "lines" or queue.shard is None:
                max_queues = 1
        else:
            size = int(min(batch.room_bytes, self._allowed_bytes(queue.shard)) * ratio)
        hold, _ = self._queues.draw(queue, PACKED_DRAIN_RECORDS, size, max_queues)
        # The packer decides how many records fit. The remaining records return to the front of their queues, in order.
        sent = self._add_packed(batch, hold.records, queue, max_record_bytes)
        if sent < len(hold.records):
            # The unsent records are found by their numbers. They are not always the last of `hold.records`, because a
            # packer groups records by key.
            numbers = {record.number for record in batch.records}
            self._queues.return_unsent(hold, [record for record in hold.records if record.number not in numbers])
        if hold.records:
            batch.holds.append(hold)
        else:
            # No response releases the holds of an empty batch, so they would stay in memory for ever.
            self._queues.release(hold)
        return len(hold.key_queues)

    def _add_packed(self, batch: Batch, records: Sequence[Record], queue: ShardQueue, max_record_bytes: int) -> int:
        """Pack records into the batch until it is full. Return how many of the records were packed."""
        assert self.packer is not None  # noqa: S101 - as above
        sent = 0
        max_packed = min(max_record_bytes, self.max_packed_bytes)
        for packed in self.packer.pack(records, queue.shard, max_packed, max_record_bytes):
            size = packed.counted_bytes
            if batch.room_records <= 0 or (size > batch.room_bytes and batch.records):
                break
            if packed.shard is not None:
                if not self._available(packed.shard):
                    self.wait_for_shard(queue, packed.shard)  # every tried key belongs to a full shard
                    break
                self._limiter.consume(packed.shard.id, 1, size, self.now)
            batch.add_packed(packed, size)
            sent += len(packed.records)
            if self._strict:
                break
        return sent

    def _available(self, shard: Shard | None) -> bool:
        return shard is None or min(self._limiter.available(shard.id, self.now)) > 0

    def exhausted(self, shard: Shard) -> bool:
        """Return whether the free capacity of the shard is too small for a full packed record or any plain record."""
        records, size = self._limiter.available(shard.id, self.now)
        return records <= 0 or size < (1 if self.packer is None else self.max_packed_bytes)

    def _allowed_bytes(self, shard: Shard | None) -> int:
        """Return how many bytes may be sent now to a shard.

        If `shard` is None and the bridge chooses the keys, return the sum over all shards, if they are known and few.
        In all other cases without a shard, return the maximum size of a request.
        """
        if shard is not None:
            return self._limiter.available(shard.id, self.now)[1]
        shards = self._shards.shards if self._keyless else ()
        if not 0 < len(shards) <= _MAX_SHARDS_SUMMED:
            return MAX_REQUEST_BYTES
        return sum([max(0, self._limiter.available(each.id, self.now)[1]) for each in shards])

    def wait_for_shard(self, shard_queue: ShardQueue, shard: Shard) -> None:
        """Make the queue wait until its shard has enough free capacity for another request."""
        shard_queue.not_before = self.now + self._limiter.secs_until_available(shard.id, self.now)
        self.busy_until = shard_queue.not_before + _BUSY_SECS

    def _pick_key(self, number: int, data_bytes: int) -> tuple[str, Shard | None]:
        """Choose a random key for a packed record whose records have no key. Return the key and its shard.

        Of several random keys, choose the key whose shard accepts the most bytes now.
        """
        if not self._shards.shards:
            return spread_key(number, data_bytes), None
        tries = _KEYS_TRIED if len(self._shards.shards) > 1 else 1
        keys = [spread_key(number, data_bytes, attempt) for attempt in range(tries)]
        routes = [(key, self._shards.shard_of_hash(hash_of(key))) for key in keys]
        return max(routes, key=lambda route: self._limiter.available(route[1].id, self.now)[1] if route[1] else 0)
