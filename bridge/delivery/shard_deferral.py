"""Deferral of shards: records of a busy shard stay on disk, so that they do not fill the sender's memory.

A shard is deferred if waiting records fill half of the sender's memory while hardly any records wait for another shard.
The shard with the most waiting records is chosen. From then on, the sender skips the records of this shard when it
reads the queue. When the shard has accepted the records in memory, the sender reads the skipped records, page by page.
After the last page, the shard is no longer deferred. The order of each key is preserved, because the sender skips all
later records of the shard, too.

Each deferral costs time: to find the skipped records, the sender reads the records of other shards a second time. So
only a few shards are deferred. Only the pool's leader calls this module.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from bridge.errors import BridgeError
from bridge.kinesis.shard_map import Shard, hash_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bridge.delivery.accumulator import RecordAccumulator
    from bridge.model import Record
    from bridge.spool.queue.deferral import Deferral

# The number is small, because each deferral costs another reading of the backlog, and memory for some records.
MAX_DEFERRED_SHARDS = 4
# Maximum number of keys in each cache.
_MAX_KEYS = 50_000
# The hash is needed for every record on the pages that are read again. Computing it takes 1 µs.
_hash_of = lru_cache(_MAX_KEYS)(hash_of)


class DeferrableQueue(Protocol):
    """A queue that can defer records on disk: see `bridge.spool.queue.deferral`."""

    def defer(self, holds: Callable[[str], bool]) -> Deferral:
        """Defer the records of the keys for which `holds` returns True, beginning with the next record of the queue."""

    def divide(self, deferral: Deferral, parts: Sequence[Callable[[str], bool]]) -> list[Deferral]:
        """Divide a deferral into several deferrals that together have its keys, and return the new deferrals.

        Return [] if this is impossible now.
        """

    def read_deferred(self, deferral: Deferral) -> list[Record]:
        """Return the next page of deferred records."""

    def received_ms(self, number: int) -> int:
        """Return when a record was received, in milliseconds since 1970. The error is at most a few seconds."""


class ShardDeferral:
    """Deferred shards of one destination."""

    def __init__(self, queue: DeferrableQueue, accumulator: RecordAccumulator, requests: int) -> None:
        self._queue = queue
        self._accumulator = accumulator
        self._requests = requests
        self._deferrals: dict[Shard, Deferral] = {}
        self._deferred_keys: dict[str, bool] = {}

    @property
    def shard_ids(self) -> set[str]:
        """Ids of the shards whose next records stay on disk."""
        return {shard.id for shard, deferral in self._deferrals.items() if not deferral.done}

    def readable(self) -> list[Deferral]:
        """Return the deferrals whose next page should be read, because few records of their shards wait in memory."""
        self._remove_finished()
        if not self._deferrals:
            return []
        self._divide_split_shards()
        accumulator = self._accumulator
        waiting = {shard.id: (records, size) for shard, records, size in accumulator.by_shard()}
        other = (0, 0) if accumulator.shards.shards else (accumulator.records, accumulator.counted_bytes)
        few, deferrals = self._low_level(), self._deferrals.items()
        return [
            deferral for shard, deferral in deferrals if _fits(waiting.get(self._open_shard(shard).id, other), *few)
        ]

    def read_deferred(self, some: Iterable[Deferral]) -> list[Record]:
        """Read one page of each deferral, and return its records. Raise BridgeError if the disk cannot be read."""
        found: list[Record] = []
        for deferral in some:
            try:
                found += self._queue.read_deferred(deferral)
            except BridgeError:
                if not found:
                    raise
                break  # the sender must get the records that were already read; the next call raises the error again
        return found

    def without_deferred(self, fresh: list[Record], now: float) -> list[Record]:
        """Return the new records whose shards are not deferred."""
        self._accumulator.watch_keys(fresh, self._queue.received_ms, now)
        self._remove_finished()
        return [record for record in fresh if not self._is_deferred(record.key)] if self._deferrals else fresh

    def defer_busiest_shard(self) -> None:
        """Defer the shard with the most waiting records, if it uses the memory that other shards need."""
        records, size = self._room()
        accumulator = self._accumulator
        # This test is cheap, and usually false. The complete test is `_defer_if_crowded`.
        full = accumulator.records > records // 4 or accumulator.counted_bytes > size // 4
        if full and len(self._deferrals) < MAX_DEFERRED_SHARDS and accumulator.shards.complete:
            self._defer_if_crowded(accumulator.by_shard(), len(accumulator.shards.shards), records, size)
        accumulator.keep_routed = bool(self._deferrals)

    def _defer_if_crowded(self, waiting: list[tuple[Shard, int, int]], shards: int, records: int, size: int) -> None:
        """Defer the shard with the most records, if the memory is half full and another shard has hardly any records.

        `records` and `size` are the limits of the memory for all shards. Subtract what deferred shards use of them.
        """
        others = [each for each in waiting if self._not_deferred(each[0])]
        (all_records, all_bytes), (of_others, bytes_of_others) = _sums(waiting), _sums(others)
        room = ((records - all_records + of_others) // 2, (size - all_bytes + bytes_of_others) // 2)
        busy = [each for each in others if not _fits(each[1:], records // 100, size // 100)]
        covered = len(waiting) - len(others)
        if busy and len(busy) + covered < shards and not _fits((of_others, bytes_of_others), *room):
            most, *of_most = max(busy, key=lambda each: max(each[1] / records, each[2] / size))
            if _fits((of_most[0], of_most[1]), *self._low_level()):
                return  # each of many shards has few records, so the deferred records would be read again at once
            for part in self._not_deferred(most):
                self._deferrals[part] = self._queue.defer(_keys_of(part))
            self._deferred_keys.clear()

    def _not_deferred(self, shard: Shard) -> list[Shard]:
        """Return the parts of a shard's hash range that are not deferred.

        After a merge, parts of the range may be deferred for the parent shards. The result is the parts between them.
        """
        parts, first = [], shard.first_hash
        overlapping = (
            each for each in self._deferrals if each.first_hash <= shard.last_hash and each.last_hash >= first
        )
        for each in sorted(overlapping, key=lambda each: each.first_hash):
            if each.first_hash > first:
                parts.append(Shard(shard.id, first, each.first_hash - 1))
            first = max(first, each.last_hash + 1)
        return [*parts, Shard(shard.id, first, shard.last_hash)] if first <= shard.last_hash else parts

    def _remove_finished(self) -> None:
        """Remove the deferrals whose last record was read."""
        for shard in [shard for shard, deferral in self._deferrals.items() if deferral.done]:
            del self._deferrals[shard]
            self._deferred_keys.clear()

    def _room(self) -> tuple[int, int]:
        return self._accumulator.capacity(self._requests)

    def _low_level(self) -> tuple[int, int]:
        """Return (records, bytes). If no more of a deferred shard wait in memory, the next page is read."""
        records, size = self._room()
        return records // (4 * MAX_DEFERRED_SHARDS), size // (4 * MAX_DEFERRED_SHARDS)

    def _is_deferred(self, key: str) -> bool:
        found = self._deferred_keys.get(key)
        if found is None:
            # Clearing is simpler than evicting the oldest keys, and rarely necessary.
            if len(self._deferred_keys) >= _MAX_KEYS:
                self._deferred_keys.clear()
            found = self._deferred_keys[key] = any(shard.contains_keys([key]) for shard in self._deferrals)
        return found

    def _open_shard(self, shard: Shard) -> Shard:
        """Return the open shard that has this shard's first hash now, or this shard if the open shards are unknown."""
        return self._accumulator.shards.shard_of_hash(shard.first_hash) or shard

    def _divide_split_shards(self) -> None:
        """Replace the deferral of a split shard with one deferral for each child shard."""
        if not self._accumulator.shards.complete:
            return  # there are gaps between inferred shards, and the records of keys in the gaps would be lost
        shards = self._accumulator.shards.shards
        for shard in [shard for shard in self._deferrals if self._open_shard(shard).last_hash < shard.last_hash]:
            parts = [
                Shard(each.id, max(each.first_hash, shard.first_hash), min(each.last_hash, shard.last_hash))
                for each in shards
                if each.first_hash <= shard.last_hash and each.last_hash >= shard.first_hash
            ]
            if deferrals := self._queue.divide(self._deferrals[shard], [_keys_of(part) for part in parts]):
                del self._deferrals[shard]
                self._deferrals.update(zip(parts, deferrals, strict=True))


def _keys_of(shard: Shard) -> Callable[[str], bool]:
    return lambda key: shard.first_hash <= _hash_of(key) <= shard.last_hash


def _sums(waiting: Sequence[tuple[Shard, int, int]]) -> tuple[int, int]:
    return sum([records for _, records, _ in waiting]), sum([size for _, _, size in waiting])


def _fits(waiting: tuple[int, int], records: int, size: int) -> bool:
    return waiting[0] <= records and waiting[1] <= size
