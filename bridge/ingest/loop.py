"""The way of a burst: read, map, spool, and only then acknowledge.

One thread does all of it, so that a message is never handed from thread to thread: whatever one read brought is mapped,
written in one transaction, and acknowledged by one write.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from bridge.errors import SpoolFull, SpoolWriteError
from bridge.histogram import Histogram
from bridge.ingest.bindings import Binding, bind_mappings, collect_due_samples
from bridge.ingest.burst_mapper import BurstMapper
from bridge.ingest.replay import DeadLetterJobs
from bridge.ingest.topic_coverage import TopicCoverage
from bridge.mqtt.connection import MAX_BURST_MESSAGES
from bridge.spool.database.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.ingest.manifest_writer import ManifestWriter
    from bridge.ingest.replay import DeadLetterJob
    from bridge.mapping.router import Router
    from bridge.mqtt.packet_stream import Publish
    from bridge.mqtt.subscriber import Subscriber
    from bridge.spool.queue.stream_queue import StreamQueue
    from bridge.spool.store import Spool

log = logging.getLogger(__name__)

POLL_SECS = 0.2
MAX_SETTLE_DELAY_SECS = 0.1
"""How long settled records wait for a burst to ride with. A crash before then sends them again."""
RETRY_SECS = 1.0
MIN_COMMIT_INTERVAL_SECS = 0.01
"""Transactions follow one another no faster where messages come one by one: each is an fsync, and writes two pages."""
SHARED_MIN_COMMIT_INTERVAL_SECS = 0.03
"""The same where several bridges of this machine divide the messages: together they then make about as many. Two
workers take 0.9 to 1.0 times the CPU of one process for a message; 10 ms apart, 1.2 to 1.4 times."""
COALESCE_MIN_MESSAGES = 16
"""So many at once are worth one, until the broker is seen to hand out more without an acknowledgement: mosquitto hands
out 20 by default (max_inflight_messages), and waits."""
WINDOW_PROBE_SECS = 1.0
_QOS = 0x06
"""Bits of a PUBLISH packet's first byte: where they are 0, no acknowledgement is waited for."""


class IngestLoop:
    """Owned by the thread that calls `run`; only `set_mappings`, `run_job` and `stop` may be called from others."""

    def __init__(
        self,
        subscriber: Subscriber,
        spool: Spool,
        routes: Router,
        *,
        limits: dict[str, int],
        min_commit_interval_secs: float = MIN_COMMIT_INTERVAL_SECS,
        on_stream: Callable[[StreamQueue], None] = lambda _queue: None,
        clock: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.coverage = TopicCoverage(now_ms())
        self._mapper = BurstMapper(spool, routes, self.coverage)
        self.counts = self._mapper.counts
        self.problem = ""
        self.progress_at = clock()
        self.latency = Histogram()
        """From a message's arrival to its commit."""
        self.tap: Callable[[list[Publish]], None] | None = None
        """Told of each burst once it is mapped, while somebody looks; it may not raise."""
        self._subscriber = subscriber
        self._spool = spool
        self._limits = limits
        self._on_stream = on_stream
        self._clock = clock
        self._now_ms = now_ms
        self.dead_letter_jobs = DeadLetterJobs(spool)
        self.manifests: ManifestWriter | None = None
        self._next_routes: Router | None = routes
        self._routes = routes
        self._targets: dict[str, Binding] = {}
        self._min_commit_interval_secs = min_commit_interval_secs
        self._committed_at = 0.0
        self._max_unacked_seen = 0
        """The most messages that the broker sent on this connection without an acknowledgement."""
        self._probed_window_at = 0.0
        self._housekept_at = 0.0
        self._stopping = False

    # -- any thread ------------------------------------------------------------------------------------------------

    def set_mappings(self, routes: Router) -> None:
        """From the next burst on, these mappings; a message sees the old set or the new one, never both."""
        self._next_routes = routes
        self._subscriber.wake()

    def run_job(self, errand: DeadLetterJob) -> DeadLetterJob:
        """Have dead letters replayed or deleted, soon; wait for its `done`."""
        self.dead_letter_jobs.add(errand)
        self._subscriber.wake()
        return errand

    def stop(self) -> None:
        """Finish the burst in hand and return from `run`."""
        self._stopping = True
        self._subscriber.wake()

    # -- the ingest thread -----------------------------------------------------------------------------------------

    def session_began(self, session_present: bool) -> None:
        """The broker accepted a connection. Without a session its packet identifiers begin anew."""
        self._max_unacked_seen = 0
        if not session_present:
            self._mapper.session_is_new()

    def run(self) -> None:
        """Until `stop`. Raises only what nothing can be done about here: SpoolCorrupt, and bugs."""
        while not self._stopping:
            self.step()

    def step(self) -> None:
        """One round."""
        if self._next_routes is not None and not self._bind(self._next_routes):
            return
        burst = self._subscriber.poll(POLL_SECS)
        self.progress_at = self._clock()
        if burst:
            connection, received_at = self._subscriber.connections, self.progress_at
            self._coalesce(burst)
            acknowledgements = self._mapper.map(burst, self._now_ms())
            if self.tap is not None:
                self.tap(burst)
            self._mapper.transaction.received_at = received_at
            if self._commit():
                self._subscriber.acknowledge(connection, acknowledgements)
                self.latency.observe(self._clock() - received_at, len(burst))
                self._send_commands()
        elif self._spool.commit_due and self.progress_at - self._committed_at > MAX_SETTLE_DELAY_SECS:
            self._commit()
        if self.dead_letter_jobs:
            self._run_errands()
        if self.progress_at - self._housekept_at > 1.0:
            self._housekeep()

    def _coalesce(self, burst: list[Publish]) -> None:
        """Add those that come right behind, if the last transaction was just now. One that comes alone waits for none.

        At 1,000 messages a second a message then takes half the CPU, and a fifth of the bytes written to the disk. To
        sleep and wake up costs 60 µs: so there is one look after a short pause, since a broker whose window is full by
        then waits for us; and, if messages came, one when the time is over.
        """
        until, enough = (
            self._committed_at + self._min_commit_interval_secs,
            max(COALESCE_MIN_MESSAGES, self._max_unacked_seen),
        )
        if self.progress_at - self._probed_window_at > WINDOW_PROBE_SECS:
            self._probed_window_at, enough = self.progress_at, MAX_BURST_MESSAGES
        pause = self._min_commit_interval_secs / 5
        while len(burst) < enough and self._subscriber.connected and not self._stopping:
            left = until - self._clock()
            if left <= 0:
                break
            self._subscriber.wait_for_more(min(left, pause))
            more = self._subscriber.poll(0)
            if not more:
                break
            burst += more
            pause = left
        if len(burst) > self._max_unacked_seen:
            self._max_unacked_seen = max(self._max_unacked_seen, sum([publish[0] & _QOS > 0 for publish in burst]))

    def _run_errands(self) -> None:
        """One slice: live traffic comes first again after it."""
        targets = {mapping.name: (mapping, self._targets[mapping.name]) for mapping in self._routes.mappings}
        part = self.dead_letter_jobs.fill(self._mapper.transaction, targets)
        if self._commit():
            part.committed()

    def _send_commands(self) -> None:
        """A command that is lost is asked for again by what made it necessary."""
        for topic, payload in self._mapper.commands:
            self._subscriber.publish(topic, payload)
        self._mapper.commands.clear()

    def commit_settled(self) -> None:
        """The senders have stopped: put on disk what they settled.

        A burst that a full spool held up goes with it whole or not at all: its records without its packet identifiers
        would be there twice when the broker redelivers them.
        """
        if self._spool.commit_due:
            try:
                self._spool.commit(self._mapper.transaction)
            except SpoolFull:
                return  # what was settled is on disk all the same
            except SpoolWriteError as error:
                log.warning("what was just delivered could not be noted and will be sent again: %s", error)

    def _bind(self, routes: Router) -> bool:
        """Give each mapping its place in the spool, then subscribe."""
        try:
            # Numbers are given here, where a disk that takes none can be waited for, and not in the middle of a burst.
            nowhere = self._spool.mapping_number(""), self._spool.stream_number("")
            targets = bind_mappings(self._spool, routes.mappings, self.coverage.tally)
        except SpoolWriteError as error:
            self._report_blocked(str(error))
            self._subscriber.poll(RETRY_SECS, reading=False)
            return False
        self._next_routes = None if self._next_routes is routes else self._next_routes
        self._routes, self._targets = routes, targets
        self._mapper.bind(routes, targets, nowhere)
        if self.manifests is not None:
            self.manifests.cover(routes.mappings)
        for queue in self._spool.queues.values():
            self._on_stream(queue)
        self._subscriber.set_filters(routes.filters())
        return True

    def _housekeep(self) -> None:
        self._housekept_at = self.progress_at
        held = self._subscriber.subscriptions.maybe_subscribed
        if held != self._spool.broker_filters:
            self._mapper.transaction.broker_filters = frozenset(held)
            self._commit()
        released = collect_due_samples(self._spool, self._routes.mappings, self._now_ms())
        if released:
            self._mapper.append_released(released)
            self._commit()
        if self.manifests is not None and self.manifests.fill(self._mapper.transaction, self._now_ms()):
            self._commit()
        if self._spool.settings.max_age_secs is not None:
            self._expire(self._now_ms() - int(self._spool.settings.max_age_secs * 1000))
        for queue in self._spool.queues.values():
            if queue.max_record_bytes is not None:
                self._limits[queue.stream] = queue.max_record_bytes

    def _expire(self, before_ms: int) -> None:
        if any(queue.older_than(before_ms) for queue in self._spool.queues.values()):
            self._mapper.transaction.expire_before_ms = before_ms
            self._commit()

    # -- spooling --------------------------------------------------------------------------------------------------

    def _commit(self) -> bool:
        """Until it is on disk. False when a stop came first: then nothing is acknowledged, and the broker redelivers.

        While it cannot be, nothing is read and the connection is kept alive: the broker keeps the rest.
        """
        while True:
            try:
                self._spool.commit(self._mapper.transaction)
            except (SpoolFull, SpoolWriteError) as error:
                self._report_blocked(str(error))
                if self._stopping:
                    return False
                self._subscriber.poll(RETRY_SECS, reading=False)
                self.progress_at = self._clock()
            else:
                break
        if self._mapper.transaction.broker_filters is not None:
            self._spool.broker_filters = self._mapper.transaction.broker_filters
        self._mapper.transaction.received_at = None
        if not self._mapper.transaction.empty:
            self._mapper.transaction = Transaction()
        self._committed_at = self._clock()
        self.counts.commits += 1
        if self.problem:
            log.info("spooling again")
            self.problem = ""
        return True

    def _report_blocked(self, problem: str) -> None:
        if not self.problem:
            log.error("not reading from the broker, which keeps the rest: %s", problem)
        self.problem = problem
