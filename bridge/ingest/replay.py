"""Jobs that replay dead letters through the active mappings, or delete dead letters. The ingest thread runs the jobs.

A job runs in slices. Each slice is one transaction. New messages are processed between two slices. The replay of a dead
letter has one of these results:

    mapped to records     the records are stored, and the dead letter is removed
    filtered              the dead letter is removed, and counted as filtered
    rejected again        the dead letter stays, with the new reason
    rejected in part      the records of accepted items are stored, each rejected item becomes a new dead letter, and
                          the dead letter is removed

All changes of a replay are in one transaction. So no record is lost or stored twice, even if the process is killed. In
the ledger, a removed dead letter is subtracted from `received` and `dead_lettered`, and counted in `replayed`. Then its
results are counted like the results of a new message.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from bridge.ingest.rejection import reject
from bridge.ingest.transaction_budget import TransactionBudget

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.ingest.bindings import MappingBinding
    from bridge.mapping.mapping import Mapping as MessageMapping
    from bridge.model import DeadLetter, MappingResult
    from bridge.spool.database.transaction import Transaction
    from bridge.spool.store import Spool

# The next two limits are so small that new messages wait only for milliseconds.
SLICE_DEAD_LETTERS = 200
"""Maximum number of dead letters in one slice."""
SLICE_BYTES = 4 * 1024 * 1024
"""Total payload size after which a slice ends."""

Action = Literal["replay", "delete"]
Targets = "Mapping[str, tuple[MessageMapping, MappingBinding]]"


@dataclass(slots=True)
class DeadLetterJob:
    """Request to replay or delete the dead letters with these numbers. `done` is set when the job has finished.

    `counts` contains the results, with the keys `replayed`, `filtered`, `deleted`, `failed_again` and `not_found`.
    `reasons` contains, for each reason, the number of dead letters that failed again. `at` is the index in `numbers` of
    the next dead letter to process.
    """

    action: Action
    numbers: Sequence[int]
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    done: threading.Event = field(default_factory=threading.Event)
    at: int = 0

    def value(self) -> dict[str, dict[str, int]]:
        """Return the counts and reasons as a dict for a JSON response."""
        return {"counts": dict(self.counts), "reasons": dict(self.reasons)}


class DeadLetterJobs:
    """Queue of jobs. Any thread may call `add`. The ingest thread runs the jobs, slice by slice."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._waiting: deque[DeadLetterJob] = deque()
        self._budget = TransactionBudget(spool.settings)

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, job: DeadLetterJob) -> DeadLetterJob:
        """Append a job to the queue and return it."""
        self._waiting.append(job)
        return job

    def fill(self, transaction: Transaction, targets: Mapping[str, tuple[MessageMapping, MappingBinding]]) -> JobSlice:
        """Add the next slice to an empty transaction. Call the slice's `committed` after the commit."""
        # Run one job at a time, in the order of the requests.
        job = self._waiting[0]
        part = JobSlice(self, job)
        size = 0
        self._budget.begin()
        while job.at < len(job.numbers) and part.dead_letters < SLICE_DEAD_LETTERS and size < SLICE_BYTES:
            if self._budget.full:
                break
            number = job.numbers[job.at]
            job.at += 1
            # A number may occur twice in the job. The second time, its row still exists, because the transaction is not
            # committed. So treat it as not found.
            found = None if number in transaction.removed else self._spool.reading.dead_letter(number)
            if found is None:
                part.counts["not_found"] += 1
                continue
            part.dead_letters += 1
            size += len(found.dead_letter.payload)
            if job.action == "delete":
                self._delete(part, transaction, number, found.dead_letter)
            else:
                self._replay(part, transaction, targets, number, found.dead_letter)
        return part

    def ended(self, job: DeadLetterJob) -> None:
        """Remove a job from the queue, and set its `done`. Called after the commit of its last slice."""
        # Set `done` last, because another thread may wait for `done`, and then stop the bridge at once.
        self._waiting.remove(job)
        job.done.set()

    def _delete(self, part: JobSlice, transaction: Transaction, number: int, dead_letter: DeadLetter) -> None:
        transaction.removed[number] = dead_letter
        for key in self._ledger_keys(dead_letter):
            transaction.breakdown["deleted", *key] += 1
        part.counts["deleted"] += 1

    def _replay(
        self,
        part: JobSlice,
        transaction: Transaction,
        targets: Mapping[str, tuple[MessageMapping, MappingBinding]],
        number: int,
        dead_letter: DeadLetter,
    ) -> None:
        # There are four cases, in this order:
        # 1. The dead letter cannot be replayed at present.
        # 2. The dead letter is a record that Kinesis has rejected. It is sent again.
        # 3. The dead letter is a message or item that is rejected again. The dead letter stays.
        # 4. The dead letter is a message with other results. They replace the dead letter.
        if why := self._reason_against(dead_letter, targets):
            part.add_failure(why)
            return
        if dead_letter.kind == "record":
            # The payload is already the data of a record, so it needs no mapping.
            queue = self._spool.queues[dead_letter.streams[0]]
            queue.append(self._spool.mapping_number(dead_letter.mapping), dead_letter.key, dead_letter.payload)
            self._remove(part, transaction, number, dead_letter, "replayed")
            return
        mapping, target = targets[dead_letter.mapping]
        message = dead_letter.message
        mapped, _ = self._budget.bounded(mapping.replay(message, dead_letter.streams, dead_letter.item), message)
        if mapped.rejections and not mapped.drafts and _same(mapped, dead_letter):
            _, _, code, detail = mapped.rejections[0]
            transaction.amended.append((code, detail, number))
            part.add_failure(f"{code}: {detail}")
            return
        for output, key, data in mapped.drafts:
            target.queues[output].append(target.mapping, key, data)
        self._remove(part, transaction, number, dead_letter, "replayed" if mapped.drafts else "filtered")
        reject(transaction, mapping, target, message, mapped.rejections, dead_letter.total_bytes)
        for rejection in mapped.rejections:
            part.add_failure(f"{rejection.code}: {rejection.detail}")
        if not mapped.drafts and not mapped.rejections:
            for ledger_key in self._ledger_keys(dead_letter):
                transaction.filtered[ledger_key] += 1

    def _reason_against(
        self, dead_letter: DeadLetter, targets: Mapping[str, tuple[MessageMapping, MappingBinding]]
    ) -> str:
        if dead_letter.kind == "record":
            unknown = dead_letter.streams[0] not in self._spool.queues
            return f"queue '{dead_letter.streams[0]}' does not exist any more" if unknown else ""
        if len(dead_letter.payload) != dead_letter.total_bytes:
            return "its payload was truncated when it was stored"
        if not dead_letter.mapping:
            return "it was never mapped: its topic is not UTF-8"
        return "" if dead_letter.mapping in targets else f"mapping '{dead_letter.mapping}' is not active"

    def _remove(
        self, part: JobSlice, transaction: Transaction, number: int, dead_letter: DeadLetter, what: str
    ) -> None:
        """Remove a dead letter, and subtract it from the ledger, as if its message had never been received.

        The caller then counts the results of the replay like the results of a new message.
        """
        transaction.removed[number] = dead_letter
        for key in self._ledger_keys(dead_letter):
            transaction.dead_lettered[key] -= 1
            transaction.breakdown["replayed", *key] += 1
        part.counts[what] += 1

    def _ledger_keys(self, dead_letter: DeadLetter) -> list[tuple[int, int]]:
        """Return the ledger lines that count a dead letter, as (mapping number, stream number)."""
        mapping = self._spool.mapping_number(dead_letter.mapping)
        return [(mapping, self._spool.stream_number(stream)) for stream in dead_letter.streams or ("",)]


class JobSlice:
    """Part of a job in one transaction. The counts of the slice are added to the job after the commit."""

    def __init__(self, jobs: DeadLetterJobs, job: DeadLetterJob) -> None:
        self.dead_letters = 0
        self.counts: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._jobs = jobs
        self._job = job

    def add_failure(self, why: str) -> None:
        """Count a dead letter, or an item of a dead letter, that has failed again. `why` is the reason."""
        self.counts["failed_again"] += 1
        self._reasons[why] += 1

    def committed(self) -> None:
        """Add the counts to the job. If this is the last slice, end the job. Called after the commit."""
        self._job.counts += self.counts
        self._job.reasons += self._reasons
        if self._job.at >= len(self._job.numbers):
            self._jobs.ended(self._job)


def _same(mapped: MappingResult, dead_letter: DeadLetter) -> bool:
    """Return whether the message or item of the dead letter, and nothing more, was rejected again."""
    return len(mapped.rejections) == 1 and mapped.rejections[0].item == dead_letter.item
