"""A stream's records between its queue and Kinesis, in flight or held: decides what becomes of each.

Nothing here waits, locks, or talks to anyone: the sender guards it, and gives it the time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from bridge.errors import Refused, SendError
from bridge.kinesis.faults import InDoubt, InvalidRequest, is_throttling, record_error
from bridge.kinesis.health import StreamHealth, StreamStatus
from bridge.kinesis.held import Batch, Held
from bridge.kinesis.limits import MAX_REQUEST_BYTES, MAX_REQUEST_RECORDS, counted_bytes
from bridge.kinesis.pacing import Backoff, Pacing
from bridge.kinesis.record_limit import RecordLimit

if TYPE_CHECKING:
    from bridge.kinesis.client import StreamDescription
    from bridge.kinesis.results import Sorted
    from bridge.model import Record

STUCK_ATTEMPTS = 6
"""A record that failed so often is no passing throttle: the state says so."""

INVALID_NAME_HINT = "Kinesis calls what is asked of stream {stream} invalid: check data_stream in the mapping"

Rejected = tuple["Record", str, str]


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """How one stream is sent. `requests_in_flight` is also the number of threads that run its sender."""

    requests_in_flight: int = 4
    linger_secs: float = 0.1
    refused_retry_secs: float = 30.0
    record_backoff: Backoff = field(default_factory=lambda: Backoff(0.1, 2.0))
    request_backoff: Backoff = field(default_factory=lambda: Backoff(0.25, 30.0))


class Turn(NamedTuple):
    """What a worker may do now: send `batch`, after adding up to `records` and `size` bytes of fresh ones."""

    batch: Batch
    records: int
    size: int


class Window:
    """Records held and in flight together are at most `requests_in_flight` full requests."""

    def __init__(self, stream: str, settings: SenderSettings) -> None:
        self.limit = RecordLimit()
        self._stream = stream
        self._settings = settings
        self._held = Held()
        self._oversized: list[Record] = []  # over 1 MiB, while the stream's limit is not known
        self._pacing = Pacing(settings.request_backoff)
        self._health = StreamHealth(stream)
        self._in_flight: dict[int, Batch] = {}

    def pause_secs(self, now: float) -> float:
        """How long no request may start, unless an answer comes first; 0 when one may."""
        return self._pacing.wait_secs(now, len(self._in_flight))

    def turn(self, now: float) -> Turn:
        """Take what is due again, and say how much fits beside it."""
        batch = self._held.take(now)
        if batch.part:
            return Turn(batch, 0, 0)
        out = [batch, *self._in_flight.values()]
        records = sum(len(other.records) for other in out) + self._held.records + len(self._oversized)
        size = sum(other.counted_bytes for other in out) + self._held.counted_bytes
        size += sum(map(counted_bytes, self._oversized))
        most = self._settings.requests_in_flight
        return Turn(
            batch,
            min(MAX_REQUEST_RECORDS - len(batch.records), most * MAX_REQUEST_RECORDS - records),
            min(MAX_REQUEST_BYTES - batch.counted_bytes, most * MAX_REQUEST_BYTES - size),
        )

    def next_due(self) -> float | None:
        """When something is due again; None if nothing is held."""
        return self._held.next_due()

    def admit(self, batch: Batch, fresh: list[Record], now: float) -> list[Rejected]:
        """Add fresh records to the batch; those over 1 MiB may have to wait. Gives those the stream will never take."""
        sendable = self.limit.sendable_bytes()
        too_large = []
        for record in fresh:
            size = counted_bytes(record)
            if size <= sendable:
                batch.records.append(record)
                batch.counted_bytes += size
            else:
                too_large.append(record)
        return self._set_aside(too_large, now) if too_large else []

    def depart(self, batch: Batch) -> None:
        """The batch is being sent."""
        batch.epoch = self._pacing.epoch
        self._in_flight[id(batch)] = batch

    def answered(self, batch: Batch, outcome: Sorted, latency_secs: float, now: float) -> None:
        """Kinesis gave each record of the batch its own result."""
        self._return(batch)
        self._pacing.answered()
        health = self._health
        health.last_latency_ms = latency_secs * 1000
        health.delivered += len(outcome.delivered)
        health.rejected += len(outcome.rejected)
        health.throttled += outcome.throttled
        attempts = batch.attempts_now(outcome.again)
        for count in set(attempts.values()):
            again = [record for record in outcome.again if attempts[record.number] == count]
            self._held.add(again, attempts, now + self._settings.record_backoff.secs(count))
        self._judge(outcome, max(attempts.values(), default=0), now)

    def failed(self, batch: Batch, error: SendError, now: float) -> None:
        """The whole request failed: keep all of it, pause, and let one request probe."""
        self._return(batch, error)
        self._health.bad(error, now)
        pause = self._settings.refused_retry_secs if isinstance(error, Refused) else None
        self._pacing.failed(batch.epoch, now, pause)
        if batch.part:
            self._held.add_parts([batch])
        else:
            self._held.add(batch.records, batch.marked_sent(batch.records), now)

    def invalid(self, batch: Batch, error: InvalidRequest, now: float) -> list[Rejected]:
        """Something in the request can never be accepted: halve it until that record is alone, then give it back.

        A lone record is at fault only where the stream's name is known to be good.
        """
        self.limit.doubt()
        alone = len(batch.records) == 1
        if alone and not (self.limit.described or self._health.delivered):
            self.failed(batch, self._bad_name(error), now)
            return []
        self._return(batch, error)
        self._pacing.answered()
        if not alone:
            self._held.add_parts(batch.halves())
            return []
        self._health.rejected += 1
        self._health.ok(now)
        return [(batch.records[0], "invalid", str(error))]

    def limit_answered(self, description: StreamDescription, now: float) -> list[Rejected]:
        """The stream's limit is known; gives the records that waited for it in vain."""
        self.limit.answered(description.max_record_bytes, now, described=description.described)
        if not self._pacing.failures and not self._held.records:
            self._health.ok(now)
        oversized, self._oversized = self._oversized, []
        return self._set_aside(oversized, now)

    def limit_unanswered(self, error: SendError, now: float) -> None:
        """The limit could not be asked: before the first record was delivered, this tells what is wrong."""
        self.limit.unanswered(now)
        if not self._health.delivered and not is_throttling(error.code):
            self._health.bad(self._bad_name(error) if isinstance(error, InvalidRequest) else error, now)

    def status(self, now: float) -> StreamStatus:
        """How the stream does."""
        health = self._health
        return StreamStatus(
            stream=self._stream,
            state=health.state,
            code=health.code,
            detail=health.detail,
            hint=health.hint,
            bad_for_secs=health.bad_for_secs(now),
            delivered=health.delivered,
            rejected=health.rejected,
            throttled=health.throttled,
            retried=health.retried,
            duplicates_possible=health.duplicates_possible,
            requests=health.requests,
            failed_requests=health.failed_requests,
            in_flight_requests=len(self._in_flight),
            in_flight_records=sum(len(batch.records) for batch in self._in_flight.values()),
            waiting=self._held.records + len(self._oversized),
            last_latency_ms=health.last_latency_ms,
            max_record_bytes=self.limit.max_bytes,
        )

    def _return(self, batch: Batch, error: SendError | None = None) -> None:
        """The batch is no longer in flight."""
        self._in_flight.pop(id(batch), None)
        health = self._health
        health.requests += 1
        health.retried += len(batch.attempts)
        health.failed_requests += error is not None
        if isinstance(error, InDoubt):
            health.duplicates_possible += len(batch.records)

    def _judge(self, outcome: Sorted, attempts: int, now: float) -> None:
        """The state after an answer: one throttled record is business as usual, one that never passes is not."""
        if outcome.last is not None and (not outcome.delivered or attempts >= STUCK_ATTEMPTS):
            self._health.bad(record_error(outcome.last.code, outcome.last.message, self._stream), now)
        elif self._held.most_attempts() < STUCK_ATTEMPTS:
            self._health.ok(now)

    def _set_aside(self, records: list[Record], now: float) -> list[Rejected]:
        """Records over 1 MiB: hold what the stream takes, give what it never will, keep all until that is known."""
        limit = self.limit.max_bytes
        if limit is None:
            self._oversized += records
            return []
        self._held.add([record for record in records if counted_bytes(record) <= limit], {}, now)
        rejected = [_too_large(record, limit) for record in records if counted_bytes(record) > limit]
        self._health.rejected += len(rejected)
        return rejected

    def _bad_name(self, error: SendError) -> Refused:
        return Refused(error.code, error.detail, INVALID_NAME_HINT.format(stream=self._stream))


def _too_large(record: Record, limit: int) -> Rejected:
    return record, "too_large", f"{counted_bytes(record)} bytes of data and partition key; the stream takes {limit}"
