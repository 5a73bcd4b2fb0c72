"""Dead letters that are replayed through the mappings in force, or deleted: by the thread that ingests, between bursts.

A slice of letters at a time, each slice in one transaction of the spool, so that live traffic goes on:

    records made of a letter    spooled, and the letter removed with the same commit: kill the process at any instant
    filtered                    the letter is removed, and counted as filtered
    rejected again              the letter stays, with the new reason
    rejected in part            what is rejected becomes letters of its own; the rest is spooled

The books: the letter comes off `received` and `dead_lettered`, and what is made of it is counted anew; `replayed`
tells.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from bridge.ingest.rejection import reject
from bridge.model import Message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.ingest.bindings import Binding
    from bridge.mapping.mapping import Mapping as MessageMapping
    from bridge.model import DeadLetter, MappingResult
    from bridge.spool.database.transaction import Transaction
    from bridge.spool.store import Spool

SLICE_LETTERS = 200
SLICE_BYTES = 4 * 1024 * 1024

Action = Literal["replay", "delete"]
Targets = "Mapping[str, tuple[MessageMapping, Binding]]"


@dataclass(slots=True)
class DeadLetterJob:
    """What somebody wants done with dead letters, by their numbers; `done` is set when `counts` are whole.

    counts: `replayed`, `filtered`, `deleted`, `stayed`, `missing`; reasons: why letters stayed.
    """

    action: Action
    numbers: Sequence[int]
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    done: threading.Event = field(default_factory=threading.Event)
    at: int = 0

    def value(self) -> dict[str, dict[str, int]]:
        """As JSON can hold it."""
        return {"counts": dict(self.counts), "reasons": dict(self.reasons)}


class DeadLetterJobs:
    """Any thread adds to them; the ingest thread runs them, slice by slice."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._waiting: deque[DeadLetterJob] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, errand: DeadLetterJob) -> DeadLetterJob:
        """To be done after those before it."""
        self._waiting.append(errand)
        return errand

    def fill(self, transaction: Transaction, targets: Mapping[str, tuple[MessageMapping, Binding]]) -> JobSlice:
        """Put the next slice into an empty transaction; call its `committed` once that is on disk."""
        errand = self._waiting[0]
        part = JobSlice(self, errand)
        size = 0
        while errand.at < len(errand.numbers) and part.letters < SLICE_LETTERS and size < SLICE_BYTES:
            number = errand.numbers[errand.at]
            errand.at += 1
            found = None if number in transaction.removed else self._spool.reading.letter(number)
            if found is None:
                part.counts["missing"] += 1
                continue
            part.letters += 1
            size += len(found.letter.payload)
            if errand.action == "delete":
                self._delete(part, transaction, number, found.letter)
            else:
                self._replay(part, transaction, targets, number, found.letter)
        return part

    def ended(self, errand: DeadLetterJob) -> None:
        """Its last slice is on disk."""
        self._waiting.remove(errand)
        errand.done.set()

    def _delete(self, part: JobSlice, transaction: Transaction, number: int, letter: DeadLetter) -> None:
        transaction.removed[number] = letter
        for place in self._places(letter):
            transaction.breakdown["deleted", *place] += 1
        part.counts["deleted"] += 1

    def _replay(
        self,
        part: JobSlice,
        transaction: Transaction,
        targets: Mapping[str, tuple[MessageMapping, Binding]],
        number: int,
        letter: DeadLetter,
    ) -> None:
        if why := self._impossible(letter, targets):
            part.stays(why)
            return
        if letter.kind == "record":
            queue = self._spool.queues[letter.streams[0]]
            queue.append(self._spool.mapping_number(letter.mapping), letter.key, letter.payload)
            self._take_off(part, transaction, number, letter, "replayed")
            return
        mapping, target = targets[letter.mapping]
        message = Message(
            letter.topic, letter.payload, letter.qos, letter.retain, letter.received_at_ms, letter.properties
        )
        mapped = mapping.replay(message, letter.streams, letter.item)
        if mapped.rejections and not mapped.drafts and _same(mapped, letter):
            _, _, code, detail = mapped.rejections[0]
            transaction.amended.append((code, detail, number))
            part.stays(f"{code}: {detail}")
            return
        for output, key, data in mapped.drafts:
            target.queues[output].append(target.mapping, key, data)
        self._take_off(part, transaction, number, letter, "replayed" if mapped.drafts else "filtered")
        reject(transaction, mapping, target, message, mapped.rejections, letter.total_bytes)
        for rejection in mapped.rejections:
            part.stays(f"{rejection.code}: {rejection.detail}")
        if not mapped.drafts and not mapped.rejections:
            for place in self._places(letter):
                transaction.filtered[place] += 1

    def _impossible(self, letter: DeadLetter, targets: Mapping[str, tuple[MessageMapping, Binding]]) -> str:
        if letter.kind == "record":
            unknown = letter.streams[0] not in self._spool.queues
            return f"there is no queue of '{letter.streams[0]}' any more" if unknown else ""
        if len(letter.payload) != letter.total_bytes:
            return "only the beginning of its payload was kept"
        if not letter.mapping:
            return "no mapping was ever asked: its topic is not UTF-8"
        return "" if letter.mapping in targets else f"no mapping '{letter.mapping}' is in force"

    def _take_off(self, part: JobSlice, transaction: Transaction, number: int, letter: DeadLetter, what: str) -> None:
        """Off the books, as if it had never come: what becomes of it now is counted for itself."""
        transaction.removed[number] = letter
        for place in self._places(letter):
            transaction.dead_lettered[place] -= 1
            transaction.breakdown["replayed", *place] += 1
        part.counts[what] += 1

    def _places(self, letter: DeadLetter) -> list[tuple[int, int]]:
        """Its lines in the books."""
        mapping = self._spool.mapping_number(letter.mapping)
        return [(mapping, self._spool.stream_number(stream)) for stream in letter.streams or ("",)]


class JobSlice:
    """What one transaction does for an errand. Its counts are the errand's only once it is on disk."""

    def __init__(self, errands: DeadLetterJobs, errand: DeadLetterJob) -> None:
        self.letters = 0
        self.counts: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._errands = errands
        self._errand = errand

    def stays(self, why: str) -> None:
        """A letter, or a part of one, that cannot leave, and why."""
        self.counts["stayed"] += 1
        self._reasons[why] += 1

    def committed(self) -> None:
        """It is on disk."""
        self._errand.counts += self.counts
        self._errand.reasons += self._reasons
        if self._errand.at >= len(self._errand.numbers):
            self._errands.ended(self._errand)


def _same(mapped: MappingResult, letter: DeadLetter) -> bool:
    """It fails as a whole, as it did: the letter can stay as it is, with the new reason."""
    return len(mapped.rejections) == 1 and mapped.rejections[0].item == letter.item
