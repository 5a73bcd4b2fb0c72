"""Ingest loop: read a burst, map it, commit it to the spool, and only then acknowledge it.

A burst is the group of messages that one read from the connection returns. All messages of a burst are usually
committed in one transaction, and acknowledged with one write to the connection. One thread performs all steps, so that
no message is passed between threads.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from bridge.errors import SpoolFull, SpoolWriteError
from bridge.histogram import Histogram
from bridge.ingest.bindings import MappingBinding, bind_mappings, collect_due_samples, note_clock_set
from bridge.ingest.burst_mapper import BurstMapper
from bridge.ingest.dead_letter_log import DeadLetterLog
from bridge.ingest.poison_guard import PoisonGuard
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
"""Maximum time for which one round of the loop waits for packets."""
MAX_SETTLE_DELAY_SECS = 0.1
"""Time without a burst after which settled records are committed. Usually, they are committed with the next burst."""
RETRY_SECS = 1.0
"""Pause between two attempts to write to the spool."""
MIN_COMMIT_INTERVAL_SECS = 0.01
"""Minimum time between two commits of single messages. Each commit costs one fsync and writes two pages."""
SHARED_MIN_COMMIT_INTERVAL_SECS = 0.03
"""Minimum time between two commits of one worker, if several workers on one machine share the messages.

With 30 ms, two workers use 0.9 to 1.0 times the CPU time per message of a single process. With 10 ms, two workers would
use 1.2 to 1.4 times this CPU time.
"""
COALESCE_MIN_MESSAGES = 16
"""A burst with this number of messages is committed without waiting for more messages.

Many brokers wait for acknowledgements after a number of messages. mosquitto sends 20 messages by default
(max_inflight_messages). If the broker has sent more than 16 messages without an acknowledgement, the loop uses this
larger number.
"""
WINDOW_PROBE_SECS = 1.0
"""Interval at which the loop measures how many messages the broker sends without an acknowledgement."""
# QoS bits in the first byte of a PUBLISH packet. A message with QoS 0 is not acknowledged.
_QOS = 0x06


class IngestLoop:
    """The ingest loop of one bridge. Only its own thread may use it, except `set_mappings`, `run_job` and `stop`."""

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
    ) -> None:
        self.coverage = TopicCoverage(spool.clock.now_ms())
        self._mapper = BurstMapper(spool, routes, self.coverage, PoisonGuard(spool, clock))
        self.counts = self._mapper.counts
        self.problem = ""
        """Reason why the loop cannot commit at present, or ""."""
        self.spool_full = False
        """True if the reason in `problem` is a full spool. False if a write to the disk has failed."""
        self.progress_at = clock()
        self.mapping_since: float | None = None
        """Time when the mapping of the current burst began, or None while no burst is being mapped. Any thread."""
        self.latency = Histogram()
        """Time in seconds from the arrival of a message to its acknowledgement."""
        self.tap: Callable[[list[Publish]], None] | None = None
        """Function that is called with each burst after its commit, or None. It must not raise an error."""
        self._subscriber = subscriber
        self._spool = spool
        self._limits = limits
        self._on_stream = on_stream
        self._clock = clock
        self._now_ms = spool.clock.now_ms
        self.dead_letter_jobs = DeadLetterJobs(spool)
        self._dead_letter_log = DeadLetterLog()
        self.manifests: ManifestWriter | None = None
        self._next_routes: Router | None = routes
        self._routes = routes
        self._targets: dict[str, MappingBinding] = {}
        # Subscription identifiers by topic filter, if overlapping topic filters are subscribed separately.
        self._separated: dict[str, int] = {}
        self._min_commit_interval_secs = min_commit_interval_secs
        self._committed_at = 0.0
        # Largest number of messages that the broker has sent on this connection without an acknowledgement.
        self._max_unacked_seen = 0
        self._probed_window_at = 0.0
        self._housekept_at = 0.0
        self._stopping = False

    # -- any thread ------------------------------------------------------------------------------------------------

    def set_mappings(self, routes: Router) -> None:
        """Use these mappings from the next burst on."""
        self._next_routes = routes
        self._subscriber.wake()

    def run_job(self, job: DeadLetterJob) -> DeadLetterJob:
        """Add a job that replays or deletes dead letters, and return it. `job.done` is set when it has finished."""
        self.dead_letter_jobs.add(job)
        self._subscriber.wake()
        return job

    def stop(self) -> None:
        """Let `run` return after the current burst."""
        self._stopping = True
        self._subscriber.wake()

    # -- the ingest thread -----------------------------------------------------------------------------------------

    def session_began(self, session_present: bool) -> None:
        """Reset the state of the last connection. If the session is new, also clear the stored packet identifiers."""
        self._max_unacked_seen = 0
        if not session_present:
            self._mapper.session_is_new()

    def run(self) -> None:
        """Run until `stop` is called. Raises SpoolCorrupt. Any other exception is a bug."""
        while not self._stopping:
            self.step()

    def step(self) -> None:
        """Run one round: bind new mappings, process a burst, process a slice of a dead-letter job, do periodic work."""
        if self._next_routes is not None and not self._bind(self._next_routes):
            return
        burst = self._subscriber.poll(POLL_SECS)
        self.progress_at = self._clock()
        if burst:
            self._follow_subscriptions()
            # `acknowledge` sends nothing if another connection has replaced this one before the commit.
            connection, received_at = self._subscriber.connections, self.progress_at
            self._coalesce(burst)
            if not self._process(burst, connection, received_at):
                return  # the bridge stops, and the broker will redeliver the messages that were not acknowledged
            if self.tap is not None:
                self.tap(burst)
        elif self._spool.commit_due and self.progress_at - self._committed_at > MAX_SETTLE_DELAY_SECS:
            self._commit()
        if self.dead_letter_jobs:
            self._run_dead_letter_jobs()
        if self.progress_at - self._housekept_at > 1.0:
            self._housekeep()

    def _process(self, burst: list[Publish], connection: int, received_at: float) -> bool:
        """Map a burst, commit it, and acknowledge it. A burst with many records needs several transactions.

        Return False if `stop` was called before all transactions were committed.
        """
        while burst:
            self.mapping_since = self._clock()
            acknowledgements = self._mapper.map(burst, self._now_ms())
            self.mapping_since = None
            self._mapper.transaction.received_at = received_at
            if not self._commit():
                return False
            self._subscriber.acknowledge(connection, acknowledgements)
            self.latency.observe(self._clock() - received_at, len(burst) - len(self._mapper.rest))
            self._send_commands()
            burst = self._mapper.rest
        return True

    def _coalesce(self, burst: list[Publish]) -> None:
        """Wait until the commit interval is over, and append messages that arrive during this time to the burst.

        If the last commit is older than the interval, this method does not wait. At 1,000 messages a second, larger
        bursts halve the CPU time per message, and only a fifth of the bytes is written to the disk.

        Each wait costs 60 µs of CPU time, so this method waits at most twice:

        1. It waits a fifth of the interval, and then reads. If no messages have arrived, the broker probably waits for
           acknowledgements. Then the method ends.
        2. It waits until the end of the interval, and then reads again.
        """
        until = self._committed_at + self._min_commit_interval_secs
        enough = min(MAX_BURST_MESSAGES, max(COALESCE_MIN_MESSAGES, self._max_unacked_seen))
        # Once a second, wait for the full interval. This shows whether the broker sends more messages without an
        # acknowledgement than the loop has seen before.
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

    def _run_dead_letter_jobs(self) -> None:
        """Process one slice of a dead-letter job."""
        targets = {mapping.name: (mapping, self._targets[mapping.name]) for mapping in self._routes.mappings}
        part = self.dead_letter_jobs.fill(self._mapper.transaction, targets)
        if self._commit():
            part.committed()

    def _send_commands(self) -> None:
        """Publish the commands of the mappings, with QoS 0.

        If a command is lost, the mapping repeats it, because the reason for the command still exists.
        """
        for topic, payload in self._mapper.commands:
            self._subscriber.publish(topic, payload)
        self._mapper.commands.clear()

    def commit_settled(self) -> None:
        """Commit the settlements of the senders. Called after the senders have stopped.

        A burst may still wait for a commit, because the spool is full. Its complete transaction is part of this commit.
        If only the records were stored, without the packet identifiers, a redelivery would store the records again.
        """
        if self._spool.commit_due:
            try:
                self._spool.commit(self._mapper.transaction)
            except SpoolFull:
                return  # the spool has committed the settlements before it raised this error
            except SpoolWriteError as error:
                log.warning("delivered records could not be committed as delivered, and will be sent again: %s", error)

    def _bind(self, routes: Router) -> bool:
        """Bind every mapping to its number and queues in the spool, and then subscribe to its topics.

        Return False if the spool cannot be written. The next round then retries.
        """
        try:
            # Write new numbers now, because the loop can retry here. It cannot retry in the middle of a burst.
            unmatched_ids = self._spool.mapping_number(""), self._spool.stream_number("")
            targets = bind_mappings(self._spool, routes.mappings, self.coverage.tally)
        except SpoolWriteError as error:
            self.spool_full = False
            self._report_blocked(str(error))
            self._subscriber.poll(RETRY_SECS, reading=False)
            return False
        # Another thread may have set newer mappings since. Then the next round binds these.
        self._next_routes = None if self._next_routes is routes else self._next_routes
        self._routes, self._targets = routes, targets
        self._mapper.bind(routes, targets, unmatched_ids)
        if self.manifests is not None:
            self.manifests.cover(routes.mappings)
        for queue in self._spool.queues.values():
            self._on_stream(queue)
        self._subscriber.set_filters(routes.filters(), routes.joined_filters())
        self._separated = {}
        return True

    def _follow_subscriptions(self) -> None:
        """If overlapping topic filters are subscribed separately, pass their subscription identifiers to the mapper."""
        separated = self._subscriber.subscriptions.separated
        if separated is not self._separated and separated != self._separated:
            self._separated = separated
            self._mapper.separate(separated)

    def _housekeep(self) -> None:
        self._housekept_at = self.progress_at
        if step_ms := self._spool.clock.follow(self._spool):
            self.coverage.clock_set(step_ms)
            note_clock_set(self._routes.mappings, step_ms)
        held = self._subscriber.subscriptions.maybe_subscribed
        if held != self._spool.broker_filters:
            self._mapper.transaction.broker_filters = frozenset(held)
            self._commit()
        # Commit released records and manifests now, because the next burst may arrive much later.
        released = collect_due_samples(self._spool, self._routes.mappings, self._now_ms())
        if released or self._spool.states.clearing:
            self._mapper.append_released(released)
            if self._commit():
                self._spool.states.end_clearing()
        if self.manifests is not None and self.manifests.fill(self._mapper.transaction, self._now_ms()):
            self._commit()
        if self._spool.settings.max_age_secs is not None:
            self._expire(self._now_ms() - int(self._spool.settings.max_age_secs * 1000))
        for queue in self._spool.queues.values():
            if queue.max_record_bytes is not None:
                # The sender has read this limit from the stream's description. Mappings reject larger records.
                self._limits[queue.stream] = queue.max_record_bytes

    def _expire(self, before_ms: int) -> None:
        # Commit only if a record has expired, because each transaction costs an fsync.
        if any(queue.older_than(before_ms) for queue in self._spool.queues.values()):
            self._mapper.transaction.expire_before_ms = before_ms
            self._commit()

    # -- spooling --------------------------------------------------------------------------------------------------

    def _commit(self) -> bool:
        """Commit the transaction. Retry until the spool accepts it.

        Between two attempts, the loop keeps the connection alive but reads no messages (back-pressure). Return False if
        `stop` is called before the commit succeeds. Then the broker will redeliver the burst.
        """
        while True:
            try:
                self._spool.commit(self._mapper.transaction)
            except (SpoolFull, SpoolWriteError) as error:
                self.spool_full = isinstance(error, SpoolFull)
                self._report_blocked(str(error))
                if self._stopping:
                    return False
                self._subscriber.poll(RETRY_SECS, reading=False)
                self.progress_at = self._clock()
            else:
                break
        if self._mapper.transaction.broker_filters is not None:
            self._spool.broker_filters = self._mapper.transaction.broker_filters
        self._dead_letter_log.committed(self._mapper.transaction.dead_letters, self._clock())
        self._mapper.transaction.received_at = None
        # Usually, a burst has only records, which are in their queues. Then the transaction is empty and can be used
        # again.
        if not self._mapper.transaction.empty:
            self._mapper.transaction = Transaction()
        self._committed_at = self._clock()
        self.counts.commits += 1
        if self.problem:
            log.info("spool writable again: reading resumed")
            self.problem = ""
        return True

    def _report_blocked(self, problem: str) -> None:
        # Log once per outage, and not for each attempt.
        if not self.problem:
            log.error("back-pressure: reading paused, messages queue at the broker: %s", problem)
        self.problem = problem
