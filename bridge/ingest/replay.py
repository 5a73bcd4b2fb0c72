"""Jobs that replay dead letters through the active mappings, or delete them. The ingest thread runs them.

Each job runs in slices between bursts, so that live messages are processed in between. Each slice is one transaction:

    mapped to records     the records are spooled and the dead letter is removed by the same commit
    filtered              the dead letter is removed, and counted as filtered
    rejected again        the dead letter stays, with the new reason
    rejected in part      the rejected parts become dead letters of their own; the other records are spooled

So the process may be killed at any time. In the ledger, the dead letter is subtracted from `received` and
`dead_lettered`, and its results are counted again. `replayed` counts the dead letters that were removed this way.
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
"""Maximum number of dead letters in one slice."""
SLICE_BYTES = 4 * 1024 * 1024
"""Payload size after which a slice ends."""

Action = Literal["replay", "delete"]
Targets = "Mapping[str, tuple[MessageMapping, Binding]]"


@dataclass(slots=True)
class DeadLetterJob:
    """Request to replay or delete dead letters, by their numbers. `done` is set when `counts` are complete.

    Keys of `counts`: `replayed`, `filtered`, `deleted`, `stayed`, `missing`. `reasons` counts why dead letters stayed.
    `at` is the index in `numbers` of the next one.
    """

    action: Action
    numbers: Sequence[int]
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    done: threading.Event = field(default_factory=threading.Event)
    at: int = 0

    def value(self) -> dict[str, dict[str, int]]:
        """Return the counts and reasons as a JSON object."""
        return {"counts": dict(self.counts), "reasons": dict(self.reasons)}


class DeadLetterJobs:
    """Queue of jobs. Any thread may call `add`; the ingest thread runs the jobs, slice by slice."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._waiting: deque[DeadLetterJob] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, errand: DeadLetterJob) -> DeadLetterJob:
        """Append a job to the queue and return it."""
        self._waiting.append(errand)
        return errand

    def fill(self, transaction: Transaction, targets: Mapping[str, tuple[MessageMapping, Binding]]) -> JobSlice:
        """Add the next slice to an empty transaction. Call the slice's `committed` after the commit."""
        errand = self._waiting[0]
        part = JobSlice(self, errand)
        size = 0
        while errand.at < len(errand.numbers) and part.letters < SLICE_LETTERS and size < SLICE_BYTES:
            number = errand.numbers[errand.at]
            errand.at += 1
            # A number that occurs twice in the job is still in the database until the commit.
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
        """Remove a job after the commit of its last slice, and set its `done`."""
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
        # Cases: it cannot be replayed now; a record; a message that fails again; any other message.
        if why := self._impossible(letter, targets):
            part.stays(why)
            return
        if letter.kind == "record":
            # The payload is a mapped record: no mapping is needed.
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
        """Remove a dead letter and its ledger counts, as if it had never been received.

        Its results are then counted like those of a new message.
        """
        transaction.removed[number] = letter
        for place in self._places(letter):
            transaction.dead_lettered[place] -= 1
            transaction.breakdown["replayed", *place] += 1
        part.counts[what] += 1

    def _places(self, letter: DeadLetter) -> list[tuple[int, int]]:
        """Return the ledger lines of a dead letter as (mapping, stream) numbers."""
        mapping = self._spool.mapping_number(letter.mapping)
        return [(mapping, self._spool.stream_number(stream)) for stream in letter.streams or ("",)]


class JobSlice:
    """Part of a job that is one transaction. Its counts are added to the job after the commit."""

    def __init__(self, errands: DeadLetterJobs, errand: DeadLetterJob) -> None:
        self.letters = 0
        self.counts: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._errands = errands
        self._errand = errand

    def stays(self, why: str) -> None:
        """Count a dead letter, or a part of one, that stays for the reason `why`."""
        self.counts["stayed"] += 1
        self._reasons[why] += 1

    def committed(self) -> None:
        """Add the counts to the job after the commit; after its last slice, end the job."""
        self._errand.counts += self.counts
        self._errand.reasons += self._reasons
        if self._errand.at >= len(self._errand.numbers):
            self._errands.ended(self._errand)


def _same(mapped: MappingResult, letter: DeadLetter) -> bool:
    """Return whether the same message or item fails again, so that the dead letter can stay with the new reason."""
    return len(mapped.rejections) == 1 and mapped.rejections[0].item == letter.item
