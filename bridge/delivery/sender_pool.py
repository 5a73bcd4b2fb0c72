"""Threads that send all streams of one endpoint. Their number follows the requests in flight, not the streams.

The threads are leader and followers (Schmidt et al., "Leader/Followers", PLoP 2000). One thread is the leader. It waits
until a stream has records to send and the link has room. Then it builds the next request, hands leadership over, and
sends the request itself. So a request never changes threads, and no thread waits for a stream without records.

    leader      choose a stream ──▶ take records from its queue ──▶ drain a batch ──▶ PutRecords ──▶ settle
    followers   wait for leadership

Of the streams that have something to send, the one that was served least recently is next. A batch is drained only when
the link has room for it, so that its contents are chosen as late as possible.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from bridge.delivery.circuit_breaker import CircuitBreaker
from bridge.delivery.concurrency import AdaptiveConcurrency
from bridge.delivery.stream_sender import StreamSender

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.delivery.endpoint_status import EndpointStatus
    from bridge.delivery.protocols import PutRecordsTransport, RecordQueue
    from bridge.delivery.settings import SenderSettings
    from bridge.delivery.shard_status import StreamShards


MAX_WAIT_SECS = 1.0
"""Maximum wait of the leader. This is only a safety net, because every change wakes the leader."""

SPARE_THREADS = 2
"""Threads besides those in PutRecords: the leader, and one for DescribeStreamSummary and ListShards."""


class SenderPool:
    """All streams of one endpoint. Any thread may call every method; several threads call `run`."""

    def __init__(
        self,
        endpoint: str,
        transport: PutRecordsTransport,
        settings: SenderSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.endpoint = endpoint
        self.on_worker_needed: Callable[[], None] = lambda: None
        """Called on a worker's thread: one more thread should call `run`."""
        self.threads = 1
        """Number of threads that call `run`, or soon will."""
        self._transport = transport
        self._settings = settings
        self._clock = clock
        self._stopping = threading.Event()
        # There are two locks, so that a follower can wait for `_leadership` without holding `_changed`, which every
        # result needs.
        self._leadership = threading.Lock()
        self._changed = threading.Condition()  # guards all state; notified of every change that the leader may act on
        self._followers = 0
        self._senders: list[StreamSender] = []
        self._concurrency = AdaptiveConcurrency(settings.requests_in_flight, endpoint)
        self._breaker = CircuitBreaker(settings.network_backoff)

    def add(self, queue: RecordQueue) -> StreamSender:
        """Send this queue from now on. Raise ValueError if a newer version of this program named the queue."""
        sender = StreamSender(
            queue, self._transport, self._settings, self._concurrency, self._breaker, self._changed, self._clock
        )
        queue.on_ready = sender.wake
        with self._changed:
            self._senders.append(sender)
            self._changed.notify()
        return sender

    def run(self) -> None:
        """Send until `stop`: the body of one worker thread.

        It returns after the response to its current request. Records that are not settled by then are still in the
        spool.
        """
        while not self._stopping.is_set():
            self._run_next_task()

    def stop(self) -> None:
        """Make every `run` return. A waiting `run` returns at once, the others when their requests have ended."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()

    def status(self) -> EndpointStatus:
        """Return the measurements and limits of the endpoint."""
        with self._changed:
            return self._concurrency.status(self._clock())

    def shards(self) -> list[StreamShards]:
        """Return the known shards of each stream."""
        with self._changed:
            now = self._clock()
            return [sender.shards(now) for sender in self._senders]

    # -- the leader ------------------------------------------------------------------------------------------------

    def _run_next_task(self) -> None:
        # A method, so that its frame ends with the task. A variable of `run` would keep the records of the finished
        # request in memory while the thread waits, for each thread up to 40,000 records.
        task = self._next_task()
        # A request that was built when the stop began is not sent, because the stop would have to wait for its
        # response.
        if task is not None and not self._stopping.is_set():
            task()

    def _next_task(self) -> Callable[[], None] | None:
        """Become the leader, wait for a task, and return it; None if the pool stops."""
        with self._changed:
            self._followers += 1
        with self._leadership:
            with self._changed:
                self._followers -= 1
            task = self._lead()
        if task is not None:
            # This happens before the task starts, so that the next request is prepared while this request is on the
            # link.
            self._ensure_follower()
        return task

    def _ensure_follower(self) -> None:
        with self._changed:
            needed = not self._followers and self.threads < self._settings.requests_in_flight + SPARE_THREADS
            self.threads += needed
        # This is outside the lock, because starting a thread may block.
        if needed and not self._stopping.is_set():
            self.on_worker_needed()

    def _lead(self) -> Callable[[], None] | None:
        while not self._stopping.is_set():
            with self._changed:
                now = self._clock()
                sender, task = self._choose(now)
                if task is not None:
                    return task
                if sender is None:
                    self._changed.wait(self._wait_secs(now))
                    continue
            # This runs without the lock, because `prepare` reads from disk and compresses records.
            if (task := sender.prepare()) is not None:
                return task
        return None

    def _choose(self, now: float) -> tuple[StreamSender | None, Callable[[], None] | None]:
        """Return a stream to send, or a query about a stream. (None, None) means that the leader must wait."""
        due = []
        for sender in self._senders:
            if sender.attention_at > now and not sender.changed:
                continue
            if (inquiry := sender.inquiry(now)) is not None:
                return None, inquiry
            sender.update_attention(now)
            if sender.sendable_at <= now:
                due.append(sender)
        if not due or self._link_wait_secs(now) > 0:
            return None, None
        due.sort(key=lambda sender: sender.served_at)
        # A stream whose requests hang may have no room, although another stream has.
        chosen = next((sender for sender in due if self._concurrency.has_room(sender, now)), None)
        if chosen is None:
            self._concurrency.waited(now)
            return None, None
        chosen.served_at = now
        chosen.link_share = self._link_share(chosen)
        return chosen, None

    def _link_share(self, chosen: StreamSender) -> float:
        """Return the part of the link's window that a stream may fill.

        While no live records wait, all streams have equal parts. Each request that live records would fill counts as
        one more stream. So live records precede the backlogs of other streams, but no stream is left without a part.
        """
        request_bytes = self._concurrency.request_bytes
        busy = [sender for sender in self._senders if sender.busy or sender is chosen]
        total = len(busy) + sum([sender.queue.live_bytes for sender in busy]) / request_bytes
        return (1 + chosen.queue.live_bytes / request_bytes) / total

    def _wait_secs(self, now: float) -> float:
        """Return the seconds until something is due, unless something changes before."""
        link = self._link_wait_secs(now)
        # A stream that is due now waits for the link. A response, or the end of the link's own pause, wakes the leader.
        later = [sender.attention_at - now for sender in self._senders if sender.attention_at > now]
        return min([*later, link if link > 0 else MAX_WAIT_SECS, MAX_WAIT_SECS])

    def _link_wait_secs(self, now: float) -> float:
        """Return the seconds during which the network or `max_bytes_per_sec` allow no request."""
        limiter = self._settings.bandwidth
        return max(
            self._breaker.wait_secs(now, self._concurrency.requests),
            limiter.wait_secs() if limiter is not None else 0.0,
        )
