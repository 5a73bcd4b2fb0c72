"""One stream's workers: take records from its queue, send them, and settle each by its own result.

    queue ──collect──▶ lanes ──pack──▶ batch ──PutRecords──▶ accepted ─────────────▶ settle: delivered
                         ▲                                   throttled, failed ────▶ back to its lane, after a pause
                         └─────────────────────────────────  whole request failed ─▶ back; all pause, one probes
                                                             invalid ──────────────▶ halved until the record is alone:
                                                                                     rejected

Each worker sends one request and waits for its answer; where Kinesis is far there are more of them: see `distance`.

Nothing leaves the queue but what Kinesis has named a sequence number for, or can never accept. When as much waits as
`requests_in_flight` requests carry, nothing more is collected.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from bridge.delivery.batch import Batch
from bridge.delivery.batch_outcome import sort_results
from bridge.delivery.concurrency import Distance
from bridge.delivery.overflow import Leaves, Surplus
from bridge.delivery.tracker import SenderSettings, Window
from bridge.errors import BridgeError, InvalidRequest, SendError
from bridge.model import Destination

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.delivery.stream_status import StreamStatus
    from bridge.delivery.tracker import Rejected
    from bridge.histogram import HistogramSnapshot
    from bridge.kinesis.packing.packers import Packed
    from bridge.kinesis.publisher import StreamDescription
    from bridge.kinesis.put_records_codec import Result
    from bridge.kinesis.shard_map import Shard
    from bridge.model import BatchingOptions, Record
    from bridge.spool.queue.deferral import Left

__all__ = ["SenderSettings", "StreamQueue", "StreamSender", "Transport"]

PATIENCE_SECS = 0.25
"""The longest one wait for fresh records: what failed meanwhile may be due, and a stop must be prompt."""


class StreamQueue(Leaves, Protocol):
    """Where a stream's records come from: the spool. Every method may be called on any thread."""

    stream: str
    max_record_bytes: int | None
    """Set by the sender as soon as it knows the stream's MaxRecordSizeInKiB."""
    tuning: BatchingOptions
    """Set by whoever appends; may change at any time."""

    def collect(self, max_records: int, max_bytes: int, linger_secs: float, timeout_secs: float) -> list[Record]:
        """Give the next records in order, each handed out once.

        Waits up to `timeout_secs` for a first one, then up to `linger_secs` for more; returns at once when full
        (records, or bytes: data and UTF-8 key); [] on timeout or after close. What it raises ends `run`, which may be
        called again: nothing that was handed out is forgotten.
        """

    def oldest_secs(self, held: int | None) -> float:
        """How long ago the oldest record was received that is not settled; `held`: the oldest the sender holds."""

    def settle(self, delivered: list[Record], rejected: list[Rejected]) -> None:
        """Let these leave the queue: delivered, or (record, code, detail) to the dead letters. Never blocks on disk."""


class Transport(Protocol):
    """What sends: `client.Publisher`, or `dry_run.Printer`. Every method may be called on any thread."""

    def put_records(self, stream: str, records: Sequence[Record | Packed]) -> list[Result]:
        """One result per record, in order; raises SendError when the whole request failed."""

    def describe(self, stream: str) -> StreamDescription:
        """The stream's limits; raises SendError."""

    def list_shards(self, stream: str) -> list[Shard]:
        """The stream's open shards; raises SendError."""


class StreamSender:
    """Sends one destination's queue. Several threads call `run` on the same sender; any may call `status` and `stop`.

    Raises ValueError where a newer version of this program named the queue.
    """

    def __init__(
        self,
        queue: StreamQueue,
        publisher: Transport,
        settings: SenderSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.destination = Destination.parse(queue.stream)
        self.stream = queue.stream
        self.on_busy: Callable[[], None] = lambda: None
        """Told, on a worker's thread, when one more would pay: `workers` counts it already."""
        self._queue = queue
        self._publisher = publisher
        self._settings = settings or SenderSettings()
        self._clock = clock
        self._stopping = threading.Event()
        self._turn = threading.Lock()  # held by the one worker that collects and lingers, while the others send
        self._changed = threading.Condition()  # guards the window; told of every answer, and of the stop
        self._window = Window(queue.stream, self._settings)
        self._distance = Distance(self._settings.requests_in_flight)
        self._surplus = Surplus(queue, self._window.dispatch, self._settings.requests_in_flight)

    def run(self) -> None:
        """Send until stopped: the body of one worker thread.

        Returns when the request in hand is answered. What was not settled by then is still in the queue's store.
        """
        while not self._stopping.is_set():
            self._ask_limit()
            self._ask_shards()
            batch = self._next_batch()
            if batch.records and not self._stopping.is_set():
                self._send(batch)

    @property
    def workers(self) -> int:
        """How many threads are to call `run`."""
        return self._distance.workers

    def stop(self) -> None:
        """Make every `run` return: at once from any wait, else when its request is answered or has timed out."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()

    def status(self) -> StreamStatus:
        """How the stream does now."""
        with self._changed:
            status, oldest = self._window.status(self._clock()), self._window.oldest()
        return replace(status, oldest_secs=self._queue.oldest_secs(oldest))

    def answers(self) -> HistogramSnapshot:
        """How long Kinesis took for each request that it gave results for."""
        return self._window.health.answers.value()

    def _next_batch(self) -> Batch:
        """What to send now; empty after any wait, so that the caller looks at everything again."""
        with self._turn:
            with self._changed:
                if self._paused():
                    return Batch()
                now = self._clock()
                self._window.tune(self._queue.tuning)
                room, due = self._window.room(now), self._window.next_due(now)
                left = self._surplus.wanted()
            patience = PATIENCE_SECS if due is None else min(PATIENCE_SECS, max(0.0, due - now))
            if left and (again := self._reread(left, waiting=due is not None)):
                return self._depart(again, now)
            fresh = self._collect(room, patience, waiting=due is not None)
            return self._depart(self._surplus.sift(fresh, now), now if fresh else now + patience)

    def _paused(self) -> bool:
        """Wait out a pause, or be told that the sender stops."""
        pause = self._window.pause_secs(self._clock())
        if pause > 0 and not self._stopping.is_set():
            self._changed.wait(pause)
        return pause > 0 or self._stopping.is_set()

    def _collect(self, room: tuple[int, int], patience: float, *, waiting: bool) -> list[Record]:
        """Fresh records, as many as fit; what is due does not wait for them."""
        records, size = room
        if records <= 0 or size <= 0:
            return []
        linger = min(self._window.dispatch.linger_secs, patience) if waiting else self._window.dispatch.linger_secs
        try:
            return self._queue.collect(records, size, linger, patience)
        except BridgeError:
            if waiting:
                return []  # a disk that cannot be read is met again at the next turn; other records are in memory
            raise

    def _reread(self, left: list[Left], *, waiting: bool) -> list[Record]:
        """Some of what was left on disk."""
        try:
            return self._surplus.reread(left)
        except BridgeError:
            if waiting:
                return []  # as above
            raise

    def _depart(self, fresh: list[Record], give_up: float) -> Batch:
        with self._changed:
            now = self._clock()
            rejected = self._window.admit(fresh, now)
            self._surplus.judge()
            batch = self._begin(now)
            if not batch.records and not fresh:
                self._wait_until(give_up)
        if rejected:
            self._queue.settle([], rejected)
        return batch

    def _begin(self, now: float) -> Batch:
        """The next request, unless another stream has begun one meanwhile that the uplink must take first."""
        uplink = self._settings.uplink
        if uplink is not None and uplink.wait_secs() > 0:
            return Batch()
        batch = self._window.load(now)
        if uplink is not None and batch.records:
            uplink.reserve(batch.counted_bytes)
        return batch

    def _wait_until(self, moment: float) -> None:
        """Wait out a collect that came back early: no room, nothing that fits, or a closed queue."""
        left = moment - self._clock()
        if left > 0 and not self._stopping.is_set():
            self._changed.wait(left)

    def _send(self, batch: Batch) -> None:
        started = self._clock()
        delivered: list[Record] = []
        try:
            results = self._ask(batch)
        except SendError as error:
            rejected = self._unsent(batch, error)
        else:
            outcome = sort_results(batch.entries, results)
            delivered, rejected = outcome.delivered, outcome.rejected
            with self._changed:
                now = self._clock()
                self._window.answered(batch, outcome, now - started, now)
                throttled = outcome.throttled > 0
                busy = self._distance.answered(now - started, self._window.in_flight, throttled=throttled)
                self._changed.notify_all()
            if busy and not self._stopping.is_set():
                self.on_busy()
        if delivered or rejected:
            self._queue.settle(delivered, rejected)

    def _ask(self, batch: Batch) -> list[Result]:
        """Whether it goes out or not, what it reserved of the uplink is then settled."""
        try:
            return self._publisher.put_records(self.stream, batch.entries)
        finally:
            if self._settings.uplink is not None:
                self._settings.uplink.release()

    def _unsent(self, batch: Batch, error: SendError) -> list[Rejected]:
        with self._changed:
            self._changed.notify_all()
            if isinstance(error, InvalidRequest):
                return self._window.invalid(batch, error, self._clock())
            self._window.failed(batch, error, self._clock())
            return []

    def _ask_limit(self) -> None:
        """Ask for the stream's record limit if it is time to. The other workers go on sending meanwhile."""
        with self._changed:
            if not self._window.limit.start_asking(self._clock()):
                return
        try:
            description = self._publisher.describe(self.stream)
        except SendError as error:
            with self._changed:
                self._window.limit_unanswered(error, self._clock())
            return
        with self._changed:
            rejected = self._window.limit_answered(description, self._clock())
            self._changed.notify_all()
        self._queue.max_record_bytes = description.max_record_bytes
        if rejected:
            self._queue.settle([], rejected)

    def _ask_shards(self) -> None:
        """Ask for the stream's shards if it is time to; meanwhile records are packed by key."""
        with self._changed:
            if not self._window.dispatch.shards.start_asking(self._clock()):
                return
        try:
            shards = self._publisher.list_shards(self.stream)
        except SendError as error:
            with self._changed:
                self._window.shards_unanswered(error, self._clock())
            return
        with self._changed:
            delivered = self._window.shards_answered(shards, self._clock())
            self._changed.notify_all()
        if delivered:
            self._queue.settle(delivered, [])
