"""Pool of threads that send all streams of one endpoint.

The number of threads depends on the number of requests in flight, not on the number of streams. The threads are leader
and followers (Schmidt et al., "Leader/Followers", PLoP 2000). One thread is the leader. It waits until a stream has
records to send and the link has room. Then it builds the next request, passes the leadership to a follower, and sends
the request itself. So a request never changes threads, and no thread waits for a stream without records.

    leader      choose a stream ──▶ take records from its queue ──▶ drain a batch ──▶ PutRecords ──▶ settle
    followers   wait for leadership

The leader chooses the stream that was served least recently, among the streams with records to send. It drains a batch
only when the link has room for it, so that the records are chosen as late as possible.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from bridge.delivery.adaptive_concurrency import AdaptiveConcurrency
from bridge.delivery.circuit_breaker import CircuitBreaker
from bridge.delivery.stream_sender import StreamSender

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.delivery.endpoint_status import EndpointStatus
    from bridge.delivery.protocols import PutRecordsTransport, RecordQueue
    from bridge.delivery.settings import SenderSettings
    from bridge.delivery.shard_status import StreamShards


MAX_WAIT_SECS = 1.0
"""Maximum seconds that the leader waits. This is only a safety net, because every change wakes the leader."""

SPARE_THREADS = 2
"""Number of threads that do not send PutRecords: the leader, and one for DescribeStreamSummary and ListShards."""


class SenderPool:
    """Senders of all streams of one endpoint. Any thread may call every method. Several threads call `run`."""

    def __init__(
        self,
        endpoint: str,
        transport: PutRecordsTransport,
        settings: SenderSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.endpoint = endpoint
        self.on_worker_needed: Callable[[], None] = lambda: None
        """Callback that starts one more thread, which calls `run`. It is called on a thread of this pool."""
        self.threads = 1
        """Number of threads that call `run`, including threads that are being started."""
        self._transport = transport
        self._settings = settings
        self._clock = clock
        self._stopping = threading.Event()
        # There are two locks. Followers wait for `_leadership` for a long time. Every result needs `_changed` for a
        # short time, so results must not wait for the leadership.
        self._leadership = threading.Lock()
        # The lock of this condition protects all state. The condition is notified of every change that the leader must
        # see.
        self._changed = threading.Condition()
        self._followers = 0
        self._senders: list[StreamSender] = []
        self._concurrency = AdaptiveConcurrency(settings.requests_in_flight, endpoint)
        self._breaker = CircuitBreaker(settings.network_backoff)

    def add(self, queue: RecordQueue) -> StreamSender:
        """Send the records of this queue from now on.

        Raise ValueError if the queue's name contains settings that this version does not know.
        """
        sender = StreamSender(
            queue, self._transport, self._settings, self._concurrency, self._breaker, self._changed, self._clock
        )
        queue.on_ready = sender.wake
        with self._changed:
            self._senders.append(sender)
            self._changed.notify()
        return sender

    def run(self) -> None:
        """Send until `stop` is called. Every thread of the pool calls this method.

        After `stop`, the method returns when its current request has ended. Records that are not settled by then are
        still in the spool.
        """
        while not self._stopping.is_set():
            self._run_next_task()

    def stop(self) -> None:
        """Make every call of `run` return: at once if it waits, otherwise when its request has ended."""
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
        # `task` is a variable of this method, and not of `run`, because it refers to the records of the request. In
        # `run`, it would keep up to 40,000 records in memory while the thread waits for its next task.
        task = self._next_task()
        # If the stop has begun, the request is not sent, because the stop would have to wait for its response.
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
            # The new leader prepares the next request while this thread sends its request.
            self._ensure_follower()
        return task

    def _ensure_follower(self) -> None:
        with self._changed:
            needed = not self._followers and self.threads < self._settings.requests_in_flight + SPARE_THREADS
            self.threads += needed
        # The callback is called without the lock, because starting a thread may block.
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
            # `prepare` is called without the lock, because it reads from disk and compresses records.
            if (task := sender.prepare()) is not None:
                return task
        return None

    def _choose(self, now: float) -> tuple[StreamSender | None, Callable[[], None] | None]:
        """Return a stream to send, or a task that is not a PutRecords request; (None, None) if the leader must wait."""
        due = []
        for sender in self._senders:
            if sender.next_check_at > now and not sender.needs_check:
                continue
            if (task := sender.other_task(now)) is not None:
                return None, task
            sender.schedule_check(now)
            if sender.sendable_at <= now:
                due.append(sender)
        if not due or self._link_wait_secs(now) > 0:
            return None, None
        due.sort(key=lambda sender: sender.served_at)
        # Every stream is checked. If the requests of one stream hang, it has no room, but another stream may have room.
        chosen = next((sender for sender in due if self._concurrency.has_room(sender, now)), None)
        if chosen is None:
            self._concurrency.waited(now)
            return None, None
        chosen.served_at = now
        chosen.link_share = self._link_share(chosen)
        return chosen, None

    def _link_share(self, chosen: StreamSender) -> float:
        """Return the fraction of the link's window that a stream may fill.

        Each busy stream counts once, and once more for each request that its live records would fill. The fraction is
        the count of the stream divided by the sum of all counts. So live records are sent before the backlogs of other
        streams, but every stream may send.
        """
        request_bytes = self._concurrency.request_bytes
        busy = [sender for sender in self._senders if sender.busy or sender is chosen]
        total = len(busy) + sum([sender.queue.live_bytes for sender in busy]) / request_bytes
        return (1 + chosen.queue.live_bytes / request_bytes) / total

    def _wait_secs(self, now: float) -> float:
        """Return the seconds until a stream must be checked, or the link's pause ends. A change ends the wait."""
        link = self._link_wait_secs(now)
        # Only the link prevents the other streams from sending, so an earlier check would not help them. A response, or
        # the end of the link's pause, wakes the leader.
        later = [sender.next_check_at - now for sender in self._senders if sender.next_check_at > now]
        return min([*later, link if link > 0 else MAX_WAIT_SECS, MAX_WAIT_SECS])

    def _link_wait_secs(self, now: float) -> float:
        """Return the seconds during which no request may start, because of a network failure or `max_bytes_per_sec`."""
        limiter = self._settings.bandwidth
        return max(
            self._breaker.wait_secs(now, self._concurrency.requests),
            limiter.wait_secs() if limiter is not None else 0.0,
        )
