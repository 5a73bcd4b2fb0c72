"""Tracker of one destination: it follows every record from the spool's queue to the final result.

After each response, it decides whether each record is delivered, rejected, sent again, or withheld until more is known.
The tracker never waits, never locks, and calls neither Kinesis nor the spool. Callers hold the lock of the sender pool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.aws.error_codes import is_throttling, record_error
from bridge.delivery.accumulator import RecordAccumulator
from bridge.delivery.aggregate_payloads import AggregatePayloads
from bridge.delivery.batch_outcome import Settled
from bridge.delivery.circuit_breaker import CircuitBreaker
from bridge.delivery.key_queue import NOW
from bridge.delivery.misplaced_records import MisplacedRecords
from bridge.delivery.record_size_limit import RecordSizeLimit, reject_oversized
from bridge.delivery.stream_status import StreamHealth, StreamStatus
from bridge.errors import InvalidRequest, OutcomeUnknown, Refused, SendError
from bridge.kinesis.limits import MAX_KEY_BYTES, counted_bytes
from bridge.kinesis.packing.packers import PAYLOAD_UNIT_BYTES, PackedRecord
from bridge.kinesis.publisher import DENIED_CODES
from bridge.model import BatchingOptions, Destination

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.delivery.batch import Batch
    from bridge.delivery.batch_outcome import BatchOutcome, Rejected
    from bridge.delivery.key_queue import Hold
    from bridge.delivery.settings import SenderSettings
    from bridge.kinesis.publisher import StreamDescription
    from bridge.kinesis.put_records_codec import Result
    from bridge.kinesis.shard_map import Shard
    from bridge.model import Record

REPORT_AFTER_ATTEMPTS = 6
"""If a record failed this number of times, the state of the stream shows it. Short throttling causes fewer failures."""

FULL_PIPELINE = 2
INVALID_NAME_HINT = "Kinesis reports an invalid request to stream {stream}: check data_stream in the mapping"


class DeliveryTracker:
    """Waiting records and records in flight. `RecordAccumulator.capacity` limits their number and bytes."""

    def __init__(self, queue_name: str, settings: SenderSettings) -> None:
        self.size_limit = RecordSizeLimit()
        self.accumulator = RecordAccumulator(Destination.parse(queue_name), settings.linger_secs)
        self.state = StreamHealth(queue_name)
        self.breaker = CircuitBreaker(settings.request_backoff)
        self._queue_name = queue_name
        self._settings = settings
        # Records larger than 1 MiB that wait until the maximum record size of the stream is known.
        self._awaiting_size_limit: list[tuple[Record, Hold]] = []
        self._misplaced = MisplacedRecords(self.accumulator)
        self._aggregate_payloads = AggregatePayloads(Destination.parse(queue_name))
        # Number of attempts of each unsettled record that failed, by record number.
        self._attempts: dict[int, int] = {}
        self._in_flight: set[Batch] = set()
        self.tune(BatchingOptions())

    def pause_secs(self, now: float) -> float:
        """Return the seconds during which no request of this stream may start. A response may end this time early."""
        return self.breaker.wait_secs(now, len(self._in_flight))

    def tune(self, tuning: BatchingOptions) -> None:
        """Apply new options for the linger time and for the size of packed records."""
        linger_ms, max_packed_bytes = tuning
        linger_secs = self._settings.linger_secs if linger_ms is None else linger_ms / 1000
        self.accumulator.tune(linger_secs, max_packed_bytes or PAYLOAD_UNIT_BYTES)

    def free_capacity(self, requests: int, max_bytes: int, max_waiting_bytes: int, now: float) -> tuple[int, int]:
        """Return how many new records and bytes to take for `requests` requests of `max_bytes` each.

        At most `max_waiting_bytes` wait in the sender. The limit is low, because the waiting records are sent before
        newer records in the spool, even if the spool sends the newest records first.
        """
        records, size = self.accumulator.capacity(self._settings.requests_in_flight)
        wanted, wanted_bytes = self.accumulator.free_capacity(requests, max_bytes, len(self._in_flight), now)
        max_waiting = int(max_waiting_bytes * self.accumulator.ratio)
        size = min(size - self.outstanding_bytes, max_waiting - self.accumulator.counted_bytes)
        return min(wanted, records - self.outstanding), min(wanted_bytes, size)

    def add(self, fresh: list[Record], now: float) -> list[Rejected]:
        """Append new records. Return the records that are larger than the stream accepts."""
        sendable = self.size_limit.sendable_bytes()
        # Usually, all records are so small that they fit even with the longest key. Then the size of the keys is not
        # computed, which saves time.
        if max([len(record[3]) for record in fresh], default=0) + MAX_KEY_BYTES <= sendable:
            self.accumulator.append(fresh, now)
            return []
        oversized = [record for record in fresh if counted_bytes(record) > sendable]
        if self.size_limit.max_bytes is None:
            self._awaiting_size_limit += [(record, self.accumulator.withhold([record])) for record in oversized]
        self.accumulator.append([record for record in fresh if counted_bytes(record) <= sendable], now)
        return [] if self.size_limit.max_bytes is None else self._reject_oversized(oversized, self.size_limit.max_bytes)

    def should_await_answer(self, max_bytes: int, now: float) -> bool:
        """Return whether the next request should wait for a response, so that more records can be sent in it.

        A response unmutes keys. Two requests keep the link busy, so more small requests would only add HTTP headers.
        """
        return len(self._in_flight) >= FULL_PIPELINE and self.accumulator.is_underfilled(max_bytes, now)

    def next_request(self, requests: int, max_bytes: int, now: float) -> Batch:
        """Return the next batch; it is empty if no record may be sent now. The batch then counts as in flight.

        `requests` is the number of requests that may start now, including this request. `max_bytes` limits the data and
        keys of the batch.
        """
        batch = self.accumulator.drain(self.size_limit.sendable_bytes(), max_bytes, requests, now)
        if batch.records:
            batch.generation, batch.started_at = self.breaker.generation, now
            self._in_flight.add(batch)
        return batch

    # -- after a request -------------------------------------------------------------------------------------------

    def on_results(
        self, batch: Batch, outcome: BatchOutcome, results: Sequence[Result], latency_secs: float, now: float
    ) -> Settled:
        """Apply the result of each record of a batch, and return the records that leave the queue."""
        self._remove_in_flight(batch)
        self.breaker.answered()
        self.state.answered(latency_secs)
        self.state.rejected += len(outcome.rejected)
        self.state.throttled += outcome.throttled
        self._aggregate_payloads.add(outcome.unprotected)
        learned = self._learn(batch, results, now)
        self._count_delivered(outcome.delivered, now)
        self._forget_attempts([record for record, _, _ in outcome.rejected])
        for packed in outcome.to_split:
            self.accumulator.split_and_reenqueue(packed.records)
        self._misplaced.add(outcome.misplaced, now)
        delivered = outcome.delivered
        if outcome.misplaced or (learned and self._misplaced):
            delivered = [*delivered, *self.judge_misplaced(now)]
        max_attempts = self._schedule_retries(outcome, now, part=batch.part) if outcome.retry else 0
        # All records of the batch are now settled, withheld, or back at the front of their queues. If the keys were
        # unmuted before this, later records of the same keys could overtake them.
        self.accumulator.release(*batch.holds, now=NOW if outcome.retry else now)
        self._update_state(outcome, max_attempts, now)
        return Settled(delivered, outcome.rejected)

    def on_request_failed(self, batch: Batch, error: SendError, now: float) -> None:
        """Put all records of a failed request back, and start a pause."""
        self._remove_in_flight(batch, error)
        # The outage counts from the start of the request, because a request without a response fails only 30 s later.
        self.state.bad(error, batch.started_at)
        # A refusal ends only when a person acts, so quick retries are useless: the pause has a fixed length.
        pause = self._settings.refused_retry_secs if isinstance(error, Refused) else None
        self.breaker.failed(batch.generation, now, pause)
        self._count_attempt(batch.records)
        if batch.part:
            self.accumulator.reenqueue_part(batch.records)
        else:
            self.accumulator.reenqueue(batch.records)
        self.accumulator.release(*batch.holds)

    def on_request_invalid(self, batch: Batch, error: InvalidRequest, now: float) -> list[Rejected]:
        """Split a request that contains an invalid record. If the request has only one record, return it as rejected.

        If the stream has never responded, the record is not rejected: the invalid value may be the name of the stream.
        """
        self.size_limit.invalidate()
        alone = len(batch.records) == 1
        if alone and not (self.size_limit.described or self.state.delivered):
            self.on_request_failed(batch, self._bad_name(error), now)
            return []
        self._remove_in_flight(batch, error)
        self.breaker.answered()
        if alone:
            self.state.rejected += 1
            self.state.ok(now)
            self._forget_attempts(batch.records)
        else:
            self._count_attempt(batch.records)
            self.accumulator.split_and_reenqueue(batch.records)
        self.accumulator.release(*batch.holds)
        return [(batch.records[0], "invalid", str(error))] if alone else []

    # -- responses about the stream --------------------------------------------------------------------------------

    def on_described(self, description: StreamDescription, now: float) -> list[Rejected]:
        """Apply the stream's limits. Return the withheld records that are larger than the stream accepts."""
        self.accumulator.shards.on_described(description, now)
        self.accumulator.on_distribution_changed()
        limit, by_service = description.max_record_bytes, self.accumulator.shards.distribution == "by_service"
        self.size_limit.succeeded(limit, now, described=description.described, again=by_service)
        if not self.breaker.failures and not self._attempts:
            self.state.ok(now)
        awaiting, self._awaiting_size_limit = self._awaiting_size_limit, []
        rejected = []
        for record, hold in awaiting:
            fits = counted_bytes(record) <= limit
            self.accumulator.reenqueue([record] if fits else [])
            rejected += [] if fits else [record]
            self.accumulator.release(hold)
        return self._reject_oversized(rejected, limit)

    def on_describe_failed(self, error: SendError, now: float) -> None:
        """Note that the limits are still unknown. Before the first delivery, the stream's state shows the error."""
        self.size_limit.failed(now)
        self.accumulator.shards.on_described(None, now)
        if not self.state.delivered and not is_throttling(error.code):
            self.state.bad(self._bad_name(error) if isinstance(error, InvalidRequest) else error, now)

    def on_shards(self, shards: Sequence[Shard], now: float) -> list[Record]:
        """Store the shards from ListShards. Return the withheld records that are now known to be delivered."""
        self.accumulator.shards.on_listed(shards, now)
        return self.judge_misplaced(now)

    def on_shards_failed(self, error: SendError, now: float) -> list[Record]:
        """Note that ListShards failed. Return the withheld records that are now known to be delivered."""
        self.accumulator.shards.on_list_failed(now, denied=error.code in DENIED_CODES)
        return self.judge_misplaced(now)

    @property
    def judge_at(self) -> float | None:
        """Latest time at which `judge_misplaced` must be called; None if no record is undecided."""
        return self._misplaced.due_at

    def judge_misplaced(self, now: float) -> list[Record]:
        """Reenqueue the misplaced records that consumers discard. Return the misplaced records that consumers keep."""
        delivered, discarded = self._misplaced.judge(now)
        self.state.resent += len(discarded)
        self._count_attempt(discarded)
        self.accumulator.on_distribution_changed()
        self._count_delivered(delivered, now)
        return delivered

    # -- for the status --------------------------------------------------------------------------------------------

    @property
    def outstanding(self) -> int:
        """Number of unsettled records that were taken from the queue, waiting or in flight."""
        return self.waiting + sum([len(batch.records) for batch in self._in_flight])

    @property
    def outstanding_bytes(self) -> int:
        """Total size of the outstanding records in bytes: data and keys."""
        sizes = [batch.counted_bytes for batch in self._in_flight]
        sizes += [counted_bytes(record) for record, _ in self._awaiting_size_limit]
        return self.accumulator.counted_bytes + self._misplaced.size + sum(sizes)

    @property
    def waiting(self) -> int:
        """Number of unsettled records that were taken from the queue and are not in flight."""
        return self.accumulator.records + len(self._misplaced) + len(self._awaiting_size_limit)

    @property
    def busy(self) -> bool:
        """True while records are in flight or wait in the accumulator."""
        return bool(self._in_flight) or self.accumulator.records > 0

    def oldest(self) -> int | None:
        """Return the number of the oldest unsettled record that was taken from the queue; None if there is none."""
        oldest = [min(batch.records).number for batch in self._in_flight]
        oldest += [*self._misplaced.numbers(), *(record.number for record, _ in self._awaiting_size_limit)]
        waiting = self.accumulator.oldest()
        return min(oldest if waiting is None else [*oldest, waiting], default=None)

    def status(self, now: float) -> StreamStatus:
        """Return counters and state."""
        return self.state.status(
            now,
            in_flight_requests=len(self._in_flight),
            in_flight_records=self.outstanding - self.waiting,
            waiting=self.waiting,
            max_record_bytes=self.size_limit.max_bytes,
            hot_key=self.accumulator.hot_keys.hot,
            failed_in_a_row=self.breaker.failures,
        )

    def _learn(self, batch: Batch, results: Sequence[Result], now: float) -> bool:
        """Pass the results to the limiter and the shard knowledge. Return whether to judge undecided records again."""
        self.accumulator.on_shard_results(batch, results, now)
        learned = self.accumulator.shards.on_accepted(batch.entries, results, batch.started_at, now)
        self.accumulator.on_distribution_changed()
        return learned

    def _remove_in_flight(self, batch: Batch, error: SendError | None = None) -> None:
        self._in_flight.discard(batch)
        if batch.part:
            self.accumulator.part_returned()
        if self._attempts:
            self.state.retried += sum(record.number in self._attempts for record in batch.records)
        self.state.requests += 1
        self.state.failed_requests += error is not None
        self.state.duplicates_possible += len(batch.records) if isinstance(error, OutcomeUnknown) else 0

    def _count_delivered(self, records: Sequence[Record], now: float) -> None:
        if records:
            self.state.accepted(len(records), now)
            self._forget_attempts(records)

    def _forget_attempts(self, records: Sequence[Record]) -> None:
        for record in records if self._attempts else ():
            self._attempts.pop(record.number, None)

    def _count_attempt(self, records: Iterable[Record]) -> None:
        """Count the first attempt of these records. Later failures of complete requests are not counted."""
        for record in records:
            self._attempts.setdefault(record.number, 1)

    def _schedule_retries(self, outcome: BatchOutcome, now: float, *, part: bool) -> int:
        """Reenqueue the records that failed. Return the number of attempts of the record with the most attempts.

        If a known shard throttled a record, the record waits for the limiter of this shard. All other failed records
        wait for a back-off.
        """
        backing_off: dict[int, list[Record]] = {}
        limited: list[Record] = []
        max_attempts = 0
        for entry, throttled in outcome.failed:
            records = entry.records if isinstance(entry, PackedRecord) else (entry,)
            by_limiter = throttled and self.accumulator.throttled(entry, now)
            for record in records:
                count = self._attempts[record.number] = self._attempts.get(record.number, 0) + 1
                max_attempts = max(max_attempts, count)
                (limited if by_limiter else backing_off.setdefault(count, [])).append(record)
        # With strict order, no record may overtake a part of a split request. So all records of the part wait for the
        # same back-off.
        if part and self.accumulator.strict:
            not_before = now + self._settings.record_backoff.secs(max_attempts)
            self.accumulator.reenqueue_part(outcome.retry, not_before)
            return max_attempts
        if limited:
            self.accumulator.reenqueue(limited)
        for count, records in backing_off.items():
            self.accumulator.reenqueue(records, now + self._settings.record_backoff.secs(count))
        return max_attempts

    def _update_state(self, outcome: BatchOutcome, attempts: int, now: float) -> None:
        """Set the state of the stream after a response. A few throttled attempts of a record are not an error."""
        if outcome.last_failure is not None and (not outcome.shards or attempts >= REPORT_AFTER_ATTEMPTS):
            self.state.bad(record_error(outcome.last_failure.code, outcome.last_failure.message, self._queue_name), now)
        elif max(self._attempts.values(), default=0) < REPORT_AFTER_ATTEMPTS:
            self.state.ok(now)

    def _reject_oversized(self, records: list[Record], limit: int) -> list[Rejected]:
        self.state.rejected += len(records)
        return [reject_oversized(record, limit) for record in records]

    def _bad_name(self, error: SendError) -> Refused:
        return Refused(error.code, error.detail, INVALID_NAME_HINT.format(stream=self._queue_name))
