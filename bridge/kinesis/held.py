"""Records that were handed out by the queue and wait to be sent again. Not thread-safe: the sender guards it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.kinesis.limits import MAX_REQUEST_BYTES, MAX_REQUEST_RECORDS, counted_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.model import Record


@dataclass(slots=True)
class Batch:
    """The records of one request. `attempts`: how often each, by number, was sent before; fresh ones are not in it.

    `part`: what halving an invalid request left; it must not be mixed with other records. `epoch`: see `Pacing`.
    """

    records: list[Record] = field(default_factory=list)
    counted_bytes: int = 0
    attempts: dict[int, int] = field(default_factory=dict)
    part: bool = False
    epoch: int = 0

    def add(self, record: Record, size: int, attempts: int = 0) -> None:
        """Put a record of `size` counted bytes at the end."""
        self.records.append(record)
        self.counted_bytes += size
        if attempts:
            self.attempts[record.number] = attempts

    def attempts_now(self, records: Iterable[Record]) -> dict[int, int]:
        """The attempts of these records, each of which failed by itself, by number; this one included."""
        return {record.number: self.attempts.get(record.number, 0) + 1 for record in records}

    def marked_sent(self, records: Iterable[Record]) -> dict[int, int]:
        """The attempts of these records where the request as a whole failed: not held against any one of them."""
        return {record.number: self.attempts.get(record.number, 1) for record in records}

    def halves(self) -> tuple[Batch, Batch]:
        """Two parts, to find out which of them holds the invalid record."""
        middle = len(self.records) // 2
        return self._part(self.records[:middle]), self._part(self.records[middle:])

    def _part(self, records: list[Record]) -> Batch:
        return Batch(records, sum(map(counted_bytes, records)), self.marked_sent(records), part=True)


@dataclass(slots=True)
class _Waiting:
    record: Record
    size: int
    attempts: int
    due: float


class Held:
    """What waits, taken in the order of the records' numbers as soon as it is due.

    `records` and `counted_bytes` count everything held, parts included.
    """

    def __init__(self) -> None:
        self.records = 0
        self.counted_bytes = 0
        self._waiting: list[_Waiting] = []
        self._parts: deque[Batch] = deque()

    def add(self, records: Iterable[Record], attempts: dict[int, int], due: float) -> None:
        """Hold records until `due`; `attempts` by number as in `Batch`."""
        for record in records:
            size = counted_bytes(record)
            self._waiting.append(_Waiting(record, size, attempts.get(record.number, 0), due))
            self.records += 1
            self.counted_bytes += size
        self._waiting.sort(key=lambda waiting: waiting.record.number)

    def add_parts(self, parts: Sequence[Batch]) -> None:
        """Hold whole requests, to be taken before everything else and one by one."""
        for part in parts:
            self._parts.append(part)
            self.records += len(part.records)
            self.counted_bytes += part.counted_bytes

    def take(self, now: float) -> Batch:
        """What is due, up to the limits of one request; empty if nothing is."""
        batch = self._parts.popleft() if self._parts else self._take_due(now)
        self.records -= len(batch.records)
        self.counted_bytes -= batch.counted_bytes
        return batch

    def next_due(self) -> float | None:
        """When the next record is due; None when nothing waits."""
        if self._parts:
            return 0.0
        return min((waiting.due for waiting in self._waiting), default=None)

    def most_attempts(self) -> int:
        """How often the record that failed most by itself was sent."""
        return max((waiting.attempts for waiting in self._waiting), default=0)

    def _take_due(self, now: float) -> Batch:
        batch, left = Batch(), []
        for waiting in self._waiting:
            fits = len(batch.records) < MAX_REQUEST_RECORDS and (
                batch.counted_bytes + waiting.size <= MAX_REQUEST_BYTES
            )
            if fits and waiting.due <= now:
                batch.add(waiting.record, waiting.size, waiting.attempts)
            else:
                left.append(waiting)
        self._waiting = left
        return batch
