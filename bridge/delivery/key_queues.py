"""Queues of waiting records by partition key. They preserve the order of the records of each key.

    ShardQueue   the key queues of one shard, or of the complete stream if records are not sorted by shard
    KeyQueue     the records of one key, or of all keys with the same hash, in the order of the spool

When records are drawn from a key queue for a request, the queue is *muted* until all these records are settled
(delivered or rejected) or reenqueued. (This is Kafka's word.) Other requests draw no records from a muted queue, so
records of one key cannot overtake each other. Records without a key wait in a queue that is never muted.

With `order: strict`, each key has a separate queue. Otherwise, the keys of a shard share LANES queues. Sharing saves
memory and time with a hundred thousand keys. A record rarely has to wait for a request of another key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from bridge.delivery.key_queue import NOW, Hold, KeyQueue, ShardQueue
from bridge.kinesis.limits import counted_bytes
from bridge.model import data_and_key_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.kinesis.shard_map import Shard
    from bridge.model import Record

LANES = 256
"""Number of key queues of a shard. With ten records in flight, the queue of one new record in 25 is muted."""

MAX_ROUTES = 50_000
"""Maximum number of keys whose queue is cached. A look-up in the cache is ten times as fast as hashing the key."""


class KeyQueues:
    """All waiting records of a destination. Not thread-safe: callers hold the lock of the sender pool.

    With `exact`, each key has a separate queue. With `keyless`, the bridge chooses the keys, and order does not matter.
    `records` and `size` are the number and the bytes of the waiting records; records in flight are not counted.
    """

    def __init__(self, *, keyless: bool, exact: bool) -> None:
        self.records = 0
        self.size = 0
        self._keyless = keyless
        self._exact = exact
        self._shard_of: Callable[[str], Shard | None] | None = None
        self._shard_queues: dict[str, ShardQueue] = {}
        self._routes: dict[str, tuple[KeyQueue, int]] = {}
        self._backing_off: list[KeyQueue] = []
        self._holds: set[Hold] = set()
        self._turn = 0
        # Key queues by hash of the key. Empty if records are sorted by shard, have no keys, or have exact key queues.
        self._lanes = self._make_lanes()

    # -- adding records --------------------------------------------------------------------------------------------

    def append(self, records: Sequence[Record]) -> None:
        """Append new records, which are in the order of the spool."""
        if self._keyless and self._shard_of is None:
            size = sum(data_and_key_bytes(records))
            queue = self._key_queue("", None)
            queue.records.extend(records)
            queue.size += size
            queue.shard_queue.count(len(records), size)
            if records and queue.state == "idle":
                queue.state = "ready"
                queue.shard_queue.ready.append(queue)
        else:
            size = self._append_to_lanes(records) if self._lanes else self._append_each(records)
        self.records += len(records)
        self.size += size

    def reenqueue(self, records: Sequence[Record], not_before: float = NOW) -> None:
        """Insert undelivered records before all later records of the same keys.

        The queues of these keys send nothing before `not_before`. The caller then releases the hold of the records.
        """
        by_queue: dict[KeyQueue, list[Record]] = {}
        for record, queue in zip(records, self._queues_of(records), strict=True):
            by_queue.setdefault(queue, []).append(record)
        for queue, some in by_queue.items():
            target = queue if queue.ordered or not_before == NOW else self._retry_queue(queue.shard_queue)
            size = target.put_back(some)
            self.size += size
            self.records += len(some)
            if target.state == "ready":
                target.shard_queue.count(len(some), size)
            target.failed = True
            target.not_before = max(target.not_before, not_before)
            if target.state == "idle":
                self._update_state(target)

    # -- removing records ------------------------------------------------------------------------------------------

    def draw(self, shard_queue: ShardQueue, max_records: int, max_bytes: int, max_queues: int) -> tuple[Hold, int]:
        """Remove records from the first ready key queues, and mute these queues. Return the hold and the size in bytes.

        At least one record is drawn, even if it is larger than `max_bytes`.
        """
        taken: list[Record] = []
        muted: list[KeyQueue] = []
        size, ready = 0, shard_queue.ready
        while ready and len(muted) < max_queues:
            queue = ready[0]
            records = queue.records
            room_records, room_bytes = max_records - len(taken), max_bytes - size
            if len(records) <= room_records and queue.size <= room_bytes:
                taken += records
                size += queue.size
                records.clear()
                queue.size = 0
            else:
                at_least = 0 if taken else counted_bytes(queue.records[0])
                some, some_bytes = queue.take(room_records, max(room_bytes, at_least))
                if not some:
                    break
                taken += some
                size += some_bytes
            if queue.ordered:
                ready.popleft()
                queue.state, queue.holds = "muted", 1
                muted.append(queue)
                shard_queue.count(-len(queue.records), -queue.size)
            elif not queue.records:
                ready.popleft()
                queue.state = "idle"
        self.records -= len(taken)
        self.size -= size
        shard_queue.count(-len(taken), -size)
        hold = Hold(taken, muted)
        self._holds.add(hold)
        return hold, size

    def withhold(self, records: Sequence[Record]) -> Hold:
        """Mute the key queues of these records, and return the hold. The caller stores the records."""
        hold = Hold(records, self._mute(records))
        self._holds.add(hold)
        return hold

    def release(self, hold: Hold) -> None:
        """Unmute the key queues of records that were settled or reenqueued."""
        self._holds.discard(hold)
        for queue in reversed(hold.key_queues):  # `_update_state` reverses the order of failed queues
            queue.holds -= 1
            if not queue.holds:
                self._update_state(queue)
        hold.key_queues = []

    def return_unsent(self, hold: Hold, unsent: Sequence[Record]) -> None:
        """Put drawn records that did not fit in the request back into their queues."""
        numbers = {record.number for record in unsent}
        hold.records = [record for record in hold.records if record.number not in numbers]
        self.reenqueue(unsent)
        used = set(self._queues_of(hold.records))
        unused = [queue for queue in hold.key_queues if queue not in used]
        hold.key_queues = [queue for queue in hold.key_queues if queue in used]
        for queue in reversed(unused):
            queue.holds -= 1
            self._update_state(queue)

    # -- shards ----------------------------------------------------------------------------------------------------

    def reroute(self, shard_of: Callable[[str], Shard | None] | None) -> None:
        """Sort all records again by shard.

        `shard_of` returns the shard of a key, or None if the shard is unknown. Keys with an unknown shard share one
        shard queue. If `shard_of` is None, records are not sorted by shard. All back-offs end, because another shard
        may accept the refused records.
        """
        queues = [queue for shard in self._shard_queues.values() for queue in shard.key_queues.values()]
        queues += [queue for queue in self._backing_off if not queue.ordered]
        queues += [queue for shard in self._shard_queues.values() for queue in shard.ready if not queue.ordered]
        waiting = sorted({record.number: record for queue in queues for record in queue.records}.values())
        self._shard_of = shard_of
        self._shard_queues, self._routes, self._backing_off = {}, {}, []
        self._lanes = self._make_lanes()
        self.records = self.size = 0
        for hold in self._holds:
            hold.key_queues = self._mute(hold.records)
        self.append(waiting)

    def ready(self, now: float) -> list[ShardQueue]:
        """Return the shard queues whose records may be sent, beginning with a different queue at each call."""
        self._end_backoffs(now)
        shards = [shard for shard in self._shard_queues.values() if shard.ready and shard.not_before <= now]
        if len(shards) > 1:
            self._turn += 1
            first = self._turn % len(shards)
            shards = shards[first:] + shards[:first]
        return shards

    def count_ready(self, now: float) -> tuple[int, int]:
        """Return the number of records that may be sent now, and their size in bytes."""
        shards = [shard for shard in self._shard_queues.values() if shard.not_before <= now]
        return sum([shard.ready_records for shard in shards]), sum([shard.ready_bytes for shard in shards])

    @property
    def any_ready(self) -> bool:
        """True if at least one key queue with records is neither muted nor backing off."""
        return any(shard.ready for shard in self._shard_queues.values())

    def next_due(self, linger_until: float = NOW) -> float | None:
        """Return the time from which records may be sent; None if no record waits, or a response must arrive first.

        Ready records wait until `linger_until`. Records that are backing off wait only until their back-off ends.
        """
        due = [max(shard.not_before, linger_until) for shard in self._shard_queues.values() if shard.ready]
        return min([*due, *(queue.not_before for queue in self._backing_off)], default=None)

    def by_shard(self) -> list[tuple[Shard, int, int]]:
        """Return (shard, waiting records, their bytes) of each shard; [] while the shards are unknown."""
        return [
            (
                each.shard,
                sum([len(queue.records) for queue in each.key_queues.values()]),
                sum([queue.size for queue in each.key_queues.values()]),
            )
            for each in self._shard_queues.values()
            if each.shard is not None
        ]

    def oldest(self) -> int | None:
        """Return the lowest number of waiting records. With `live_first`, a queue may begin with a higher number."""
        shards = self._shard_queues.values()
        queues = [queue for shard in shards for queue in (*shard.key_queues.values(), *shard.ready)]
        return min(
            (min(queue.records).number for queue in (*queues, *self._backing_off) if queue.records), default=None
        )

    # -- private methods -------------------------------------------------------------------------------------------

    def _append_to_lanes(self, records: Sequence[Record]) -> int:
        """Append each record to the queue of its key in `_lanes`. Return the size of all records in bytes."""
        lanes = self._lanes
        shard_queue = lanes[0].shard_queue
        total = unready_records = unready_bytes = 0
        for record in records:
            key = record[2].encode()
            queue = lanes[crc32(key) % LANES]
            queue.records.append(record)
            size = len(record[3]) + len(key)
            queue.size += size
            total += size
            if queue.state == "ready":
                continue
            if queue.state == "idle":
                queue.state = "ready"
                shard_queue.ready.append(queue)
            else:
                unready_records += 1
                unready_bytes += size
        shard_queue.count(len(records) - unready_records, total - unready_bytes)
        return total

    def _append_each(self, records: Sequence[Record]) -> int:
        """Append each record to the queue of its key. Return the size of all records in bytes."""
        total, find = 0, self._routes.get
        for record in records:
            _, _, key, data = record
            queue, key_bytes = find(key) or self._route(key)
            queue.records.append(record)
            size = len(data) + key_bytes
            queue.size += size
            total += size
            if queue.state == "idle":
                queue.state = "ready"
                queue.shard_queue.ready.append(queue)
            if queue.state == "ready":
                queue.shard_queue.ready_records += 1  # a call of `count` would be slower
                queue.shard_queue.ready_bytes += size
        return total

    def _queues_of(self, records: Sequence[Record]) -> list[KeyQueue]:
        """Return the queue of each record."""
        if lanes := self._lanes:
            return [lanes[crc32(record[2].encode()) % LANES] for record in records]
        find = self._routes.get
        return [(find(record[2]) or self._route(record[2]))[0] for record in records]

    def _route(self, key: str) -> tuple[KeyQueue, int]:
        """Return the queue of a key and the number of the key's UTF-8 bytes, and cache both."""
        octets = len(key.encode())
        name: str | int = "" if self._keyless else key if self._exact else crc32(key.encode()) % LANES
        queue = self._key_queue(name, self._shard_of(key) if self._shard_of else None)
        if not self._keyless:
            if len(self._routes) >= MAX_ROUTES:
                self._routes.clear()
            self._routes[key] = queue, octets
        return queue, octets

    def _make_lanes(self) -> list[KeyQueue]:
        if self._keyless or self._exact or self._shard_of is not None:
            return []
        return [self._key_queue(number, None) for number in range(LANES)]

    def _key_queue(self, name: str | int, shard: Shard | None) -> KeyQueue:
        shard_id = shard.id if shard else ""
        shard_queue = self._shard_queues.get(shard_id)
        if shard_queue is None:
            shard_queue = self._shard_queues[shard_id] = ShardQueue(shard)
        queue = shard_queue.key_queues.get(name)
        if queue is None:
            queue = shard_queue.key_queues[name] = KeyQueue(name, shard_queue, ordered=not self._keyless)
        return queue

    def _retry_queue(self, shard_queue: ShardQueue) -> KeyQueue:
        """Return a new queue for failed records without keys, so that their back-off does not delay other records."""
        return KeyQueue("", shard_queue, ordered=False)

    def _mute(self, records: Sequence[Record]) -> list[KeyQueue]:
        if self._keyless:
            return []
        queues = list(dict.fromkeys(self._queues_of(records)))
        for queue in queues:
            if queue.state == "ready":
                queue.shard_queue.ready.remove(queue)
                queue.shard_queue.count(-len(queue.records), -queue.size)
            elif queue.state == "backing off":
                self._backing_off.remove(queue)
            queue.state = "muted"
            queue.holds += 1
        return queues

    def _update_state(self, queue: KeyQueue) -> None:
        """Set the state of a queue that is not muted, depending on its records and its back-off."""
        if not queue.records:
            queue.state = "idle"
            if self._exact:
                queue.shard_queue.key_queues.pop(queue.name, None)
                self._routes.pop(str(queue.name), None)
        elif queue.not_before > NOW:
            queue.state = "backing off"
            self._backing_off.append(queue)
        else:
            queue.state = "ready"
            queue.shard_queue.count(len(queue.records), queue.size)
            ready = queue.shard_queue.ready
            (ready.appendleft if queue.failed else ready.append)(queue)
            queue.failed = False

    def _end_backoffs(self, now: float) -> None:
        if self._backing_off:
            due = [queue for queue in self._backing_off if queue.not_before <= now]
            self._backing_off = [queue for queue in self._backing_off if queue.not_before > now]
            # Each queue is inserted at the front. The queue with the oldest record is inserted last, to be the first.
            for queue in sorted(due, key=lambda queue: queue.records[0].number, reverse=True):
                queue.not_before = NOW
                self._update_state(queue)
