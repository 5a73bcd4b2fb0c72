"""Sender of one stream: it sends the records of the queue, and settles each record according to its own result.

    queue ──take_batch──▶ accumulator ──drain──▶ batch ──PutRecords──▶ accepted ──────────▶ settle: delivered
                               ▲                                       throttled, failed ─▶ reenqueue, after a pause
                               └─────────────────────────────────────  request failed ────▶ reenqueue; all pause
                                                                       invalid ───────────▶ split until the record is
                                                                                            alone: rejected

The sender has no threads of its own: the threads of the `SenderPool` call it. A record leaves the queue when Kinesis
has returned its sequence number, or when Kinesis can never accept it.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from functools import partial
from math import inf
from typing import TYPE_CHECKING

from bridge.aws.network_errors import NETWORK_CODES
from bridge.aws.transport.measurement import RequestRecording
from bridge.delivery.batch import Batch
from bridge.delivery.batch_outcome import Settled, sort_results
from bridge.delivery.delivery_tracker import DeliveryTracker
from bridge.delivery.shard_deferral import ShardDeferral
from bridge.delivery.shard_status import stream_shards
from bridge.errors import BridgeError, InvalidRequest, OutcomeUnknown, SendError
from bridge.kinesis.limits import MAX_REQUEST_BYTES
from bridge.model import Destination

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from bridge.aws.transport.measurement import RequestMeasurement, RequestProgress
    from bridge.delivery.adaptive_concurrency import AdaptiveConcurrency
    from bridge.delivery.circuit_breaker import CircuitBreaker
    from bridge.delivery.outstanding_requests import OutstandingRequest
    from bridge.delivery.protocols import PutRecordsTransport, RecordQueue
    from bridge.delivery.settings import SenderSettings
    from bridge.delivery.stream_status import StreamStatus
    from bridge.histogram import HistogramSnapshot
    from bridge.kinesis.put_records_codec import Result
    from bridge.model import Record
    from bridge.spool.queue.deferral import Deferral

logger = logging.getLogger(__name__)

READ_RETRY_SECS = 1.0
"""Seconds until the next attempt after reading the spool has failed."""

DESCRIBE_SECS = 5.0
"""Maximum seconds that the first request waits for DescribeStreamSummary, which shows whether to aggregate records."""

MAX_WAITING_WINDOWS = 1
"""Maximum size of the waiting records, as a multiple of the bytes in flight. A larger value delays live records."""

HEAD_BYTES = 1500  # approximate size of the HTTP head of a signed PutRecords request with a session token

PAYLOAD_SHARE = 0.7
"""Fraction of a request's body that is data and keys. The rest is the overhead of base64 and JSON."""


class StreamSender:
    """Sender of one stream in a sender pool. One thread, the leader, prepares requests. Any thread runs the tasks.

    `changed` is the condition of the pool. Its lock protects all state, and the leader waits for it. Raise ValueError
    if the queue's name contains settings that this version does not know.
    """

    def __init__(
        self,
        queue: RecordQueue,
        transport: PutRecordsTransport,
        settings: SenderSettings,
        concurrency: AdaptiveConcurrency,
        endpoint_breaker: CircuitBreaker,
        changed: threading.Condition,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.destination = Destination.parse(queue.stream)
        self.stream = queue.stream
        self.next_check_at = -inf
        """Time at which the leader should check this stream again. Infinity means: only after a change."""
        self.sendable_at = -inf
        """Time from which records of this stream may be sent, computed at the last check."""
        self.needs_check = True
        """True if the leader should check this stream now, because records or a response have arrived."""
        self.link_share = 1.0
        """Fraction of the link's capacity that this stream may use, from 0 to 1."""
        self.served_at = -inf
        """Time at which the leader last built a request for this stream."""
        self.queue = queue
        self._transport = transport
        self._settings = settings
        self._concurrency = concurrency
        self._endpoint_breaker = endpoint_breaker
        self._changed = changed
        self._clock = clock
        self._started_at = clock()
        self._awaits_answer = False  # the next request waits for a response, which unmutes keys
        self._read_retry_at = -inf
        self._read_error = ""
        self._tracker = DeliveryTracker(queue.stream, settings)
        self._deferral = ShardDeferral(queue, self._tracker.accumulator, settings.requests_in_flight)
        self.shards = partial(stream_shards, queue.stream, self._tracker.accumulator, self._deferral)

    # -- methods for any thread ------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Make the leader check the queue, because it has new records."""
        with self._changed:
            self.needs_check = True
            self._changed.notify()

    def status(self) -> StreamStatus:
        """Return counters and state."""
        with self._changed:
            now = self._clock()
            status, oldest = self._tracker.status(now), self._tracker.oldest()
            accepted_at = self._tracker.state.accepted_at or self._started_at
            linger_secs = self._tracker.accumulator.linger_secs
        oldest_secs = self.queue.oldest_secs(oldest)
        stalled_secs = max(0.0, min(now - accepted_at, oldest_secs) - linger_secs)
        endpoint = self._transport.endpoint(self.stream)
        return replace(status, oldest_secs=oldest_secs, stalled_secs=stalled_secs, endpoint=endpoint)

    def latency_histogram(self) -> HistogramSnapshot:
        """Return the histogram of the durations of requests for which Kinesis returned results."""
        return self._tracker.state.latencies.value()

    @property
    def busy(self) -> bool:
        """True while records wait or are in flight."""
        return self._tracker.busy

    # -- methods for the leader: when to check this stream; the caller holds `changed` -------------------------------

    def other_task(self, now: float) -> Callable[[], None] | None:
        """Return the next task that does not send records, for example to list the shards; None if none is due."""
        judge_at = self._tracker.judge_at
        if judge_at is not None and judge_at <= now:
            return self._judge_misplaced
        if self._tracker.size_limit.start_request(now):
            return self._describe
        if self._tracker.accumulator.shards.start_listing(now):
            return self._list_shards
        return None

    def schedule_check(self, now: float) -> None:
        """Compute when the leader must check this stream again: to send, query AWS, or judge misplaced records."""
        self.needs_check = False
        tracker = self._tracker
        self.sendable_at = self._sendable_at(now)
        other = [tracker.size_limit.next_request_at, tracker.accumulator.shards.next_listing_at, tracker.judge_at]
        self.next_check_at = min([self.sendable_at, *(at for at in other if at is not None)])

    def _sendable_at(self, now: float) -> float:
        pause = self._tracker.pause_secs(now)
        if pause > 0:
            return now + pause
        # The time of the response is unknown, but its arrival wakes the leader.
        if self._awaits_answer:
            self._concurrency.waited(now, self)
            return inf
        if self._tracker.accumulator.awaits_description and now < self._started_at + DESCRIBE_SECS:
            return self._started_at + DESCRIBE_SECS
        due = [self._tracker.accumulator.next_due(now), self._fresh_due_at(now)]
        sendable_at = min((at for at in due if at is not None), default=inf)
        if sendable_at == inf and self._tracker.accumulator.records:
            self._concurrency.waited(now, self)
        return sendable_at

    def _fresh_due_at(self, now: float) -> float | None:
        """Return when records should be taken from the queue; None if the sender has no room for more records."""
        if now < self._read_retry_at:
            return self._read_retry_at
        if self._deferral.readable():
            return now
        records, size = self._room(now, 1)  # records are taken as soon as they fill one request
        if records <= 0 or size <= 0:
            return None
        return self.queue.due_at(records, size, self._tracker.accumulator.linger_secs)

    def _room(self, now: float, requests: int) -> tuple[int, int]:
        """Return how many records and bytes may be taken from the queue to fill this number of requests."""
        max_waiting_bytes = int(MAX_WAITING_WINDOWS * self._concurrency.window_bytes * PAYLOAD_SHARE * self.link_share)
        return self._tracker.free_capacity(requests, self._max_bytes(), max_waiting_bytes, now)

    def _max_bytes(self) -> int:
        """Return the maximum size of data and keys in the next request, in bytes."""
        size = int((self._concurrency.request_bytes - HEAD_BYTES) * PAYLOAD_SHARE)
        if self._settings.bandwidth is not None:
            size = min(size, self._settings.bandwidth.request_bytes)
        return max(1, min(size, MAX_REQUEST_BYTES))

    # -- methods for the leader: the next request ------------------------------------------------------------------

    def prepare(self) -> Callable[[], None] | None:
        """Build the next request, and return the task that sends it; None if no record may be sent now."""
        with self._changed:
            now = self._clock()
            self._tracker.tune(self.queue.tuning)
            requests, max_bytes = self._concurrency.free_requests, self._max_bytes()
            room = self._room(now, requests)
            deferred = self._deferral.readable()
        # The lock is not held here, because the queue may read from disk. Other threads must not wait for the disk.
        fresh = self._take(room, deferred)
        with self._changed:
            now = self._clock()
            rejected = self._tracker.add(self._deferral.without_deferred(fresh, now) if not deferred else fresh, now)
            self._deferral.defer_busiest_shard()
            full = self._concurrency.prefers_full_requests
            self._awaits_answer = full and self._tracker.should_await_answer(max_bytes, now)
            batch = Batch() if self._awaits_answer else self._tracker.next_request(requests, max_bytes, now)
            flight = self._start(batch, now) if batch.records else None
            self.needs_check = True
        if rejected:
            self.queue.settle([], rejected)
        return None if flight is None else partial(self._send, batch, flight)

    def _take(self, room: tuple[int, int], deferred: list[Deferral]) -> list[Record]:
        """Take records from the queue, or deferred records from disk. If reading fails, try again a second later."""
        if self._clock() < self._read_retry_at:
            return []
        try:
            if deferred:
                return self._deferral.read_deferred(deferred)
            fresh = self.queue.take_batch(*room) if min(room) > 0 else []
        except BridgeError as error:
            self._read_retry_at = self._clock() + READ_RETRY_SECS
            if str(error) != self._read_error:
                self._read_error = str(error)
                logger.error("stream %s: cannot read the spool; retrying: %s", self.stream, error)
            return []
        if self._read_error:
            self._read_error = ""
            logger.info("stream %s: reads the spool again", self.stream)
        return fresh

    def _start(self, batch: Batch, now: float) -> OutstandingRequest:
        if self._settings.bandwidth is not None:
            self._settings.bandwidth.reserve(batch.counted_bytes)
        return self._concurrency.started(int(batch.counted_bytes / PAYLOAD_SHARE) + HEAD_BYTES, now, self)

    # -- tasks, which any thread runs without a lock -----------------------------------------------------------------

    def _send(self, batch: Batch, flight: OutstandingRequest) -> None:
        started = self._clock()
        with RequestRecording(partial(self._on_progress, flight)) as recording:
            try:
                results = self._put_records(batch)
            except SendError as error:
                with self._changed:
                    settled = self._on_error(batch, flight, error, recording.measurement)
                    self._notify()
            else:
                outcome = sort_results(batch.entries, results)
                with self._changed:
                    now = self._clock()
                    self._on_answer(flight, recording.measurement, now)
                    settled = self._tracker.on_results(batch, outcome, results, now - started, now)
                    self._notify()
        if settled.delivered or settled.rejected:
            self.queue.settle(*settled)

    def _put_records(self, batch: Batch) -> list[Result]:
        try:
            return self._transport.put_records(self.stream, batch.entries)
        finally:
            if self._settings.bandwidth is not None:
                self._settings.bandwidth.release()

    def _on_progress(self, flight: OutstandingRequest, progress: RequestProgress) -> None:
        """Store how many bytes were sent. When all bytes were sent, the link is free for the next request."""
        flight.progressed(progress, self._clock())
        if progress.drained:
            with self._changed:
                self._concurrency.drained(flight, self._clock())
                self._notify()

    def _on_answer(self, flight: OutstandingRequest, measurement: RequestMeasurement | None, now: float) -> None:
        self._endpoint_breaker.answered()
        size, answered_at = flight.size, now
        if measurement is not None and measurement.answered_at is not None:
            size, answered_at = measurement.request_bytes, measurement.answered_at
            self._tracker.accumulator.limiter.clock.observe(measurement)
        self._concurrency.answered(flight, size, answered_at)

    def _on_error(
        self, batch: Batch, flight: OutstandingRequest, error: SendError, measurement: RequestMeasurement | None
    ) -> Settled:
        """Handle a failed request. Return the records to settle: none, or a single invalid record."""
        now = self._clock()
        # Any other code comes from an HTTP error response of the endpoint, so the network works.
        if error.code in NETWORK_CODES:
            silent = self._concurrency.failed(flight, now, outcome_unknown=isinstance(error, OutcomeUnknown))
            if silent:
                self._endpoint_breaker.failed(self._endpoint_breaker.generation, now)
        else:
            self._on_answer(flight, measurement, now)
        if isinstance(error, InvalidRequest):
            return Settled([], self._tracker.on_request_invalid(batch, error, now))
        self._tracker.on_request_failed(batch, error, now)
        return Settled([], [])

    def _notify(self) -> None:
        """Make the leader check this stream and the link again."""
        self.needs_check, self._awaits_answer = True, False
        self._changed.notify()

    def _judge_misplaced(self) -> None:
        with self._changed:
            delivered = self._tracker.judge_misplaced(self._clock())
            self._notify()
        if delivered:
            self.queue.settle(delivered, [])

    def _describe(self) -> None:
        """Request the limits of the stream. Other threads continue to send."""
        try:
            description = self._transport.describe(self.stream)
        except SendError as error:
            with self._changed:
                self._tracker.on_describe_failed(error, self._clock())
                self._notify()
            return
        self.queue.max_record_bytes = description.max_record_bytes
        with self._changed:
            rejected = self._tracker.on_described(description, self._clock())
            self._notify()
        if rejected:
            self.queue.settle([], rejected)

    def _list_shards(self) -> None:
        """Request the shards of the stream. Other threads continue to send."""
        try:
            shards = self._transport.list_shards(self.stream)
        except SendError as error:
            with self._changed:
                delivered = self._tracker.on_shards_failed(error, self._clock())
                self._notify()
        else:
            with self._changed:
                delivered = self._tracker.on_shards(shards, self._clock())
                self._notify()
        if delivered:
            self.queue.settle(delivered, [])
