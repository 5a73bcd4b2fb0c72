"""A stream's records between its queue and Kinesis, in flight or waiting: decides what becomes of each.

Nothing here waits, locks, or talks to anyone: the sender guards it, and gives it the time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.aws.error_codes import is_throttling, record_error
from bridge.backoff import Backoff
from bridge.delivery.accumulator import Dispatch
from bridge.delivery.circuit_breaker import Pacing
from bridge.delivery.ordered_accumulator import StrictDispatch
from bridge.delivery.record_distribution import BY_SERVICE, Placement
from bridge.delivery.record_size_limit import RecordLimit
from bridge.delivery.stream_status import StreamHealth, StreamStatus
from bridge.errors import InvalidRequest, OutcomeUnknown, Refused, SendError
from bridge.kinesis.limits import MAX_KEY_BYTES, MAX_REQUEST_BYTES, counted_bytes
from bridge.kinesis.packing.packers import PAYLOAD_UNIT_BYTES, Packed
from bridge.kinesis.publisher import DENIED_CODES
from bridge.model import BatchingOptions, Destination

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.delivery.batch import Batch
    from bridge.delivery.batch_outcome import Sorted
    from bridge.kinesis.bandwidth import Uplink
    from bridge.kinesis.publisher import StreamDescription
    from bridge.kinesis.shard_map import Shard
    from bridge.model import Record

STUCK_ATTEMPTS = 6
"""A record that failed so often is no passing throttle: the state says so."""

INVALID_NAME_HINT = "Kinesis calls what is asked of stream {stream} invalid: check data_stream in the mapping"

Rejected = tuple["Record", str, str]


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """How one stream is sent. `requests_in_flight` is also the most threads that run its sender: see `distance`.

    `uplink` is shared with the publisher, which tells it what was sent, and with all other streams.
    """

    requests_in_flight: int = 16
    linger_secs: float = 0.1
    refused_retry_secs: float = 30.0
    record_backoff: Backoff = field(default_factory=lambda: Backoff(0.1, 2.0))
    request_backoff: Backoff = field(default_factory=lambda: Backoff(0.25, 30.0))
    uplink: Uplink | None = None


class Window:
    """Records waiting and in flight are bounded: `requests_in_flight` requests, and some for busy shards."""

    def __init__(self, stream: str, settings: SenderSettings) -> None:
        self.limit = RecordLimit()
        destination = Destination.parse(stream)
        chosen = StrictDispatch if destination.order == "strict" else Dispatch
        self.dispatch: Dispatch = chosen(destination, settings.linger_secs)
        self._placement = Placement(destination, self.dispatch)
        self._stream = stream
        self._settings = settings
        self._oversized: list[Record] = []  # over 1 MiB, while the stream's limit is not known
        self._undecided: list[tuple[Packed, str]] = []  # stored on another shard, while the shards are not known
        self._attempts: dict[int, int] = {}  # by number: how often a record that is still here was sent
        self._pacing = Pacing(settings.request_backoff)
        self.health = StreamHealth(stream)
        self._in_flight: dict[int, Batch] = {}
        if settings.uplink is not None:
            self.dispatch.request_bytes = min(MAX_REQUEST_BYTES, settings.uplink.request_bytes)
        self.tune(BatchingOptions())

    def pause_secs(self, now: float) -> float:
        """How long no request may start, unless an answer comes first; 0 when one may."""
        uplink = self._settings.uplink
        return max(self._pacing.wait_secs(now, len(self._in_flight)), uplink.wait_secs() if uplink else 0.0)

    def tune(self, tuning: BatchingOptions) -> None:
        """How long to wait for more records, and how large to pack them."""
        linger_ms, most_bytes = tuning
        self.dispatch.linger_secs = self._settings.linger_secs if linger_ms is None else linger_ms / 1000
        self.dispatch.most_bytes = most_bytes or PAYLOAD_UNIT_BYTES

    def room(self, now: float) -> tuple[int, int]:
        """How many fresh records, and bytes of them, may be collected now."""
        records, size = self.dispatch.capacity(self._settings.requests_in_flight)
        wanted, wanted_bytes = self.dispatch.wanted(now)
        return min(wanted, records - self._out()), min(wanted_bytes, size - self._out_bytes())

    @property
    def in_flight(self) -> int:
        """Requests under way."""
        return len(self._in_flight)

    def next_due(self, now: float) -> float | None:
        """When something that waits may be sent; None if nothing does."""
        return self.dispatch.next_due(now)

    def admit(self, fresh: list[Record], now: float) -> list[Rejected]:
        """Take fresh records; those over 1 MiB may have to wait. Gives those the stream will never take."""
        sendable = self.limit.sendable_bytes()
        if max([len(record.data) for record in fresh], default=0) + MAX_KEY_BYTES <= sendable:
            self.dispatch.add(fresh, now)
            return []
        oversized = [record for record in fresh if counted_bytes(record) > sendable]
        if self.limit.max_bytes is None:
            self._oversized += oversized
            self.dispatch.hold(oversized)
        self.dispatch.add([record for record in fresh if counted_bytes(record) <= sendable], now)
        return [] if self.limit.max_bytes is None else self._refuse(oversized, self.limit.max_bytes)

    def load(self, now: float) -> Batch:
        """The next request, which is on its way from now on; empty if nothing may be sent yet."""
        batch = self.dispatch.load(self.limit.sendable_bytes(), now)
        if batch.records:
            batch.epoch = self._pacing.epoch
            self._in_flight[id(batch)] = batch
        return batch

    def answered(self, batch: Batch, outcome: Sorted, latency_secs: float, now: float) -> None:
        """Kinesis gave each record of the batch its own result."""
        self._return(batch)
        self._pacing.answered()
        health = self.health
        health.answered(latency_secs)
        health.rejected += len(outcome.rejected)
        health.throttled += outcome.throttled
        for shard_id in outcome.shards:
            self.dispatch.accepted(shard_id)
        self._delivered(outcome.delivered)
        self._forget([record for record, _, _ in outcome.rejected])
        for packed in outcome.halve:
            self.dispatch.halve(packed.records)
        if outcome.mislanded:
            self.limit.doubt()  # the stream may place records itself by now
            self.dispatch.shards.doubt()
            self._undecided += outcome.mislanded
        most = self._hold_failed(outcome, now, part=batch.part) if outcome.again else 0
        self._judge(outcome, most, now)

    def failed(self, batch: Batch, error: SendError, now: float) -> None:
        """The whole request failed: keep all of it, pause, and let one request probe."""
        self._return(batch, error)
        self.health.bad(error, now)
        pause = self._settings.refused_retry_secs if isinstance(error, Refused) else None
        self._pacing.failed(batch.epoch, now, pause)
        self._mark_sent(batch.records)
        if batch.part:
            self.dispatch.part_again(batch.records)
        else:
            self.dispatch.put_back(batch.records)

    def invalid(self, batch: Batch, error: InvalidRequest, now: float) -> list[Rejected]:
        """Something in the request can never be accepted: halve it until that record is alone, then give it back.

        A lone record is at fault only where the stream's name is known to be good.
        """
        self.limit.doubt()
        alone = len(batch.records) == 1
        if alone and not (self.limit.described or self.health.delivered):
            self.failed(batch, self._bad_name(error), now)
            return []
        self._return(batch, error)
        self._pacing.answered()
        if not alone:
            self._mark_sent(batch.records)
            self.dispatch.halve(batch.records)
            return []
        self.health.rejected += 1
        self.health.ok(now)
        self._forget(batch.records)
        return [(batch.records[0], "invalid", str(error))]

    def limit_answered(self, description: StreamDescription, now: float) -> list[Rejected]:
        """The stream's limit is known; gives the records that waited for it in vain."""
        again = description.distribution == BY_SERVICE
        self.limit.answered(description.max_record_bytes, now, described=description.described, again=again)
        self._placement.told(description.distribution)
        if not self._pacing.failures and not self._attempts:
            self.health.ok(now)
        oversized, self._oversized = self._oversized, []
        limit = description.max_record_bytes
        if fits := [record for record in oversized if counted_bytes(record) <= limit]:
            self.dispatch.put_back(fits)
        rejected = self._refuse([record for record in oversized if counted_bytes(record) > limit], limit)
        self.dispatch.settled(record for record, _, _ in rejected)
        return rejected

    def limit_unanswered(self, error: SendError, now: float) -> None:
        """The limit could not be asked: before the first record was delivered, this tells what is wrong."""
        self.limit.unanswered(now)
        if not self.health.delivered and not is_throttling(error.code):
            self.health.bad(self._bad_name(error) if isinstance(error, InvalidRequest) else error, now)

    def shards_answered(self, shards: Sequence[Shard], now: float) -> list[Record]:
        """The shards are known; gives the records that turn out to be delivered, though not where they were sent.

        Of what came to another shard a consumer keeps all if every key belongs there, and else nothing: see `kpl`.
        """
        self.dispatch.shards.answered(shards, now)
        known = self.dispatch.shards.map
        if known is None:
            return []
        undecided, self._undecided = self._undecided, []
        kept, discarded = self._placement.decide(undecided, known)
        delivered = [record for packed in kept for record in packed.records]
        for packed in discarded:
            self._resend(packed.records)
        self._delivered(delivered)
        return delivered

    def shards_unanswered(self, error: SendError, now: float) -> None:
        """The shards could not be asked for. Where that is not permitted, records are packed by key from now on."""
        denied = error.code in DENIED_CODES
        self.dispatch.shards.unanswered(now, denied=denied)
        if denied:
            undecided, self._undecided = self._undecided, []
            for packed, _ in undecided:
                self._resend(packed.records)

    def oldest(self) -> int | None:
        """The number of the oldest record that is waiting or in flight."""
        numbers = [record.number for batch in self._in_flight.values() for record in batch.records]
        numbers += [record.number for packed, _ in self._undecided for record in packed.records]
        numbers += [record.number for record in self._oversized]
        if (waiting := self.dispatch.oldest()) is not None:
            numbers.append(waiting)
        return min(numbers, default=None)

    def status(self, now: float) -> StreamStatus:
        """How the stream does."""
        health = self.health
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
            resent=health.resent,
            duplicates_possible=health.duplicates_possible,
            requests=health.requests,
            failed_requests=health.failed_requests,
            in_flight_requests=len(self._in_flight),
            in_flight_records=sum(len(batch.records) for batch in self._in_flight.values()),
            waiting=self._waiting(),
            last_latency_ms=health.last_latency_ms,
            max_record_bytes=self.limit.max_bytes,
            hot_key=self.dispatch.hot_keys.hot,
            answered_at=health.answered_at,
        )

    def _out(self) -> int:
        """Records in flight and waiting."""
        return self._waiting() + sum(len(batch.records) for batch in self._in_flight.values())

    def _waiting(self) -> int:
        undecided = sum(len(packed.records) for packed, _ in self._undecided)
        return self.dispatch.records + undecided + len(self._oversized)

    def _out_bytes(self) -> int:
        in_flight = sum(batch.counted_bytes for batch in self._in_flight.values())
        undecided = sum(packed.counted_bytes for packed, _ in self._undecided)
        return self.dispatch.counted_bytes + in_flight + undecided + sum(map(counted_bytes, self._oversized))

    def _return(self, batch: Batch, error: SendError | None = None) -> None:
        """The batch is no longer in flight."""
        self._in_flight.pop(id(batch), None)
        if batch.part:
            self.dispatch.part_returned()
        health = self.health
        health.requests += 1
        if self._attempts:
            health.retried += sum(record.number in self._attempts for record in batch.records)
        health.failed_requests += error is not None
        if isinstance(error, OutcomeUnknown):
            health.duplicates_possible += len(batch.records)

    def _delivered(self, records: Sequence[Record]) -> None:
        self.health.delivered += len(records)
        self._forget(records)

    def _forget(self, records: Sequence[Record]) -> None:
        """They are done with."""
        self.dispatch.settled(records)
        if self._attempts:
            for record in records:
                self._attempts.pop(record.number, None)

    def _mark_sent(self, records: Iterable[Record]) -> None:
        """The request as a whole failed: not held against any one of them."""
        for record in records:
            self._attempts.setdefault(record.number, 1)

    def _resend(self, records: Sequence[Record]) -> None:
        """They are on a shard where consumers that de-aggregate discard them."""
        self.health.resent += len(records)
        self._mark_sent(records)
        self.dispatch.put_back(records)

    def _hold_failed(self, outcome: Sorted, now: float, *, part: bool) -> int:
        """Keep what failed by itself until its shard, or its back-off, allows it; the most attempts of any."""
        again: dict[int, list[Record]] = {}
        paced: list[Record] = []
        most = 0
        for entry, throttled in outcome.failed:
            records = entry.records if isinstance(entry, Packed) else (entry,)
            known = throttled and self.dispatch.throttled(entry, now)
            for record in records:
                count = self._attempts[record.number] = self._attempts.get(record.number, 0) + 1
                most = max(most, count)
                (paced if known else again.setdefault(count, [])).append(record)
        if part and self.dispatch.keeps_parts:
            self.dispatch.part_again(outcome.again, now + self._settings.record_backoff.secs(most))
            return most
        if paced:
            self.dispatch.put_back(paced)
        for count, records in again.items():
            self.dispatch.put_back(records, now + self._settings.record_backoff.secs(count))
        return most

    def _judge(self, outcome: Sorted, attempts: int, now: float) -> None:
        """The state after an answer: one throttled record is business as usual, one that never passes is not."""
        if outcome.last is not None and (not outcome.shards or attempts >= STUCK_ATTEMPTS):
            self.health.bad(record_error(outcome.last.code, outcome.last.message, self._stream), now)
        elif max(self._attempts.values(), default=0) < STUCK_ATTEMPTS:
            self.health.ok(now)

    def _refuse(self, records: list[Record], limit: int) -> list[Rejected]:
        self.health.rejected += len(records)
        return [_too_large(record, limit) for record in records]

    def _bad_name(self, error: SendError) -> Refused:
        return Refused(error.code, error.detail, INVALID_NAME_HINT.format(stream=self._stream))


def _too_large(record: Record, limit: int) -> Rejected:
    return record, "too_large", f"{counted_bytes(record)} bytes of data and partition key; the stream takes {limit}"
