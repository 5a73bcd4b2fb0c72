"""What a shard is given beyond what it takes stays on disk: it neither fills the sender nor holds back other shards.

Once what waits fills half of the sender, while some shard has hardly anything that waits, the shard with the most is
left alone: what is collected for it is passed over, and read again page by page as it takes what the sender has. With
the last page it is a shard like any other. Order within a key stays as the queue has it, since of a shard all that
follows is passed over.

A shard that is left costs reading what else is on disk once more, so no more than a few are. Under the sender's turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from bridge.errors import BridgeError
from bridge.kinesis.shard_map import Shard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bridge.delivery.accumulator import Dispatch
    from bridge.model import Record
    from bridge.spool.queue.deferral import Left

MOST_LEFT = 4
_KEYS_REMEMBERED = 50_000


class Leaves(Protocol):
    """A queue that can leave records on disk: see `bridge.spool.queue.deferral`."""

    def leave(self, holds: Callable[[str], bool]) -> Left:
        """From the next record on, those of these keys are left."""

    def divide(self, left: Left, parts: Sequence[Callable[[str], bool]]) -> list[Left]:
        """In the place of one, several that have its keys between them; none where that cannot be now."""

    def reread(self, left: Left) -> list[Record]:
        """The next page of what was left."""

    def received_ms(self, number: int) -> int:
        """When the record of that number was received, to a few seconds: milliseconds since 1970."""


class Surplus:
    """Of one destination."""

    def __init__(self, queue: Leaves, dispatch: Dispatch, requests: int) -> None:
        self._queue = queue
        self._dispatch = dispatch
        self._requests = requests
        self._left: dict[Shard, Left] = {}
        self._passed_over: dict[str, bool] = {}

    def wanted(self) -> list[Left]:
        """What was left of shards that have little that waits."""
        self._tidy()
        if not self._left:
            return []
        self._follow()
        dispatch = self._dispatch
        waiting = {shard.id: (records, size) for shard, records, size in dispatch.by_shard()}
        other = (0, 0) if dispatch.shards.map else (dispatch.records, dispatch.counted_bytes)
        records, size = (most // (2 * MOST_LEFT) for most in self._room())
        lefts = self._left.items()
        return [left for shard, left in lefts if _fits(waiting.get(self._now(shard).id, other), records, size)]

    def reread(self, some: Iterable[Left]) -> list[Record]:
        """A page of each. Raises as the queue's `collect`."""
        found: list[Record] = []
        for left in some:
            try:
                found += self._queue.reread(left)
            except BridgeError:
                if not found:
                    raise
                break  # what was read must reach the sender; the next turn meets the error again
        return found

    def sift(self, fresh: list[Record], now: float) -> list[Record]:
        """What was just collected, but what is left."""
        self._dispatch.watch_keys(fresh, self._queue.received_ms, now)
        self._tidy()
        return [record for record in fresh if not self._passes_over(record.key)] if self._left else fresh

    def judge(self) -> None:
        """Leave the shard that has the most, if it takes the room of others."""
        records, size = self._room()
        dispatch = self._dispatch
        full = dispatch.records > records // 4 or dispatch.counted_bytes > size // 4
        if full and len(self._left) < MOST_LEFT and dispatch.shards.map is not None:
            self._judge(dispatch.by_shard(), len(dispatch.shards.map.shards), records, size)
        dispatch.keeps_sorted = bool(self._left)

    def _judge(self, waiting: list[tuple[Shard, int, int]], shards: int, records: int, size: int) -> None:
        """Of what the shards that are left do not fill, the others may fill half, if one of them is not busy."""
        others = [each for each in waiting if self._uncovered(each[0])]
        (all_records, all_bytes), (of_others, bytes_of_others) = _sums(waiting), _sums(others)
        room = ((records - all_records + of_others) // 2, (size - all_bytes + bytes_of_others) // 2)
        busy = [each for each in others if not _fits(each[1:], records // 100, size // 100)]
        covered = len(waiting) - len(others)
        if busy and len(busy) + covered < shards and not _fits((of_others, bytes_of_others), *room):
            most, _, _ = max(busy, key=lambda each: max(each[1] / records, each[2] / size))
            for part in self._uncovered(most):
                self._left[part] = self._queue.leave(_of(part))
            self._passed_over.clear()

    def _uncovered(self, shard: Shard) -> list[Shard]:
        """The parts of a shard's hashes of which nothing is left: all of it, but where shards were merged."""
        parts, first = [], shard.first_hash
        overlapping = (each for each in self._left if each.first_hash <= shard.last_hash and each.last_hash >= first)
        for each in sorted(overlapping, key=lambda each: each.first_hash):
            if each.first_hash > first:
                parts.append(Shard(shard.id, first, each.first_hash - 1))
            first = max(first, each.last_hash + 1)
        return [*parts, Shard(shard.id, first, shard.last_hash)] if first <= shard.last_hash else parts

    def _tidy(self) -> None:
        """Forget what is read to its end."""
        for shard in [shard for shard, left in self._left.items() if left.done]:
            del self._left[shard]
            self._passed_over.clear()

    def _room(self) -> tuple[int, int]:
        return self._dispatch.capacity(self._requests)

    def _passes_over(self, key: str) -> bool:
        found = self._passed_over.get(key)
        if found is None:
            if len(self._passed_over) >= _KEYS_REMEMBERED:
                self._passed_over.clear()
            found = self._passed_over[key] = any(shard.holds([key]) for shard in self._left)
        return found

    def _now(self, shard: Shard) -> Shard:
        """The open shard that has these hashes; itself while the shards are not known."""
        shards = self._dispatch.shards.map
        return shards.of_hash(shard.first_hash) if shards else shard

    def _follow(self) -> None:
        """After a split, what was left of the parent is left of each child, which goes on by itself."""
        shards = self._dispatch.shards.map
        for shard in [shard for shard in self._left if shards and self._now(shard).last_hash < shard.last_hash]:
            assert shards is not None  # noqa: S101 - just looked at
            parts = [
                Shard(each.id, max(each.first_hash, shard.first_hash), min(each.last_hash, shard.last_hash))
                for each in shards.shards
                if each.first_hash <= shard.last_hash and each.last_hash >= shard.first_hash
            ]
            if lefts := self._queue.divide(self._left[shard], [_of(part) for part in parts]):
                del self._left[shard]
                self._left.update(zip(parts, lefts, strict=True))


def _of(shard: Shard) -> Callable[[str], bool]:
    return lambda key: shard.holds((key,))


def _sums(waiting: Sequence[tuple[Shard, int, int]]) -> tuple[int, int]:
    return sum([records for _, records, _ in waiting]), sum([size for _, _, size in waiting])


def _fits(waiting: tuple[int, int], records: int, size: int) -> bool:
    return waiting[0] <= records and waiting[1] <= size
