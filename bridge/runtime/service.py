"""The bridge in one process: it starts all threads, and stops them in a fixed order within one deadline.

The order in which the bridge stops, with the reasons:

1. The status page, the watcher of mapping files and the control channel stop, so that no further request or reload
   begins.
2. Ingest commits and acknowledges the current burst, and then disconnects. The broker stores later messages.
3. Each sender waits for the responses to its requests in flight, and starts no new request. Without the responses,
   the next run would send the records of these requests again, as duplicates. A request that has not sent its first
   byte is cancelled, because Kinesis cannot have received it.
4. The spool commits which records were delivered by the last requests, and closes its files.

If a request takes longer than the deadline, it is aborted. Its records are still in the spool, and will be sent again.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from bridge.delivery.sender_pools import SenderPools
from bridge.delivery.settings import SenderSettings
from bridge.errors import BridgeError, SpoolWriteError
from bridge.ingest.loop import MIN_COMMIT_INTERVAL_SECS, SHARED_MIN_COMMIT_INTERVAL_SECS, IngestLoop
from bridge.ingest.manifest_writer import ManifestWriter
from bridge.ingest.replay import DeadLetterJob
from bridge.monitoring.recording.event_log import EventLogs
from bridge.monitoring.recording.recorder import Recorder
from bridge.monitoring.snapshot_builder import SnapshotBuilder
from bridge.monitoring.snapshot_timer import SnapshotTimer
from bridge.mqtt.draining_subscriber import DrainingSubscriber
from bridge.mqtt.subscriber import Subscriber
from bridge.runtime.command_handlers import JOBS, job_handlers, status_handlers, wait_until_done
from bridge.runtime.control_channel import serve_requests
from bridge.runtime.hang_watchdog import end_process_on_hang, set_timer
from bridge.runtime.session_record import SessionRecord
from bridge.runtime.thread_group import ThreadGroup
from bridge.spool.ledger import totals
from bridge.spool.opening import open_spool
from bridge.web.server import WebServer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bridge.delivery.endpoint_status import EndpointStatus
    from bridge.delivery.protocols import PutRecordsTransport
    from bridge.delivery.shard_status import StreamShards
    from bridge.ingest.manifest_writer import ManifestSettings
    from bridge.ingest.replay import Action
    from bridge.mapping.loading.live_mappings import LiveMappings
    from bridge.monitoring.configuration import Configuration
    from bridge.monitoring.snapshot import Snapshot
    from bridge.mqtt.packet_stream import Publish
    from bridge.mqtt.settings import MqttSettings
    from bridge.spool.queue.stream_queue import StreamQueue
    from bridge.spool.settings import SpoolSettings
    from bridge.web.connections import PageListener
    from bridge.web.settings import HttpSettings

log = logging.getLogger(__name__)

ABORT_SECS = 1.0
"""Maximum time to wait until the sender threads end after their requests have been aborted."""
STALLED_SECS = 30.0
"""Time without progress after which the ingest thread counts as stalled. A commit to a slow disk takes less time."""


class Service:
    """The bridge in one process. It can be started once and stopped once.

    `crashed` is set when a thread has ended with an error. The process must then be restarted.
    """

    configuration: Configuration | None = None

    def __init__(
        self,
        session: MqttSettings,
        spool: SpoolSettings,
        publisher: PutRecordsTransport,
        mappings: LiveMappings,
        *,
        live_first: bool = False,
        sender: SenderSettings | None = None,
        web: HttpSettings | None = None,
        manifest: ManifestSettings | None = None,
        draining: bool = False,
        sharing: bool = False,
        fingerprint: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open the spool. Raises SpoolInUse or SpoolWriteError.

        The docstring of `open_spool` explains `live_first`. With `draining`, the bridge only empties its spool and its
        broker session. It sends the records in the spool. After a call of `leave`, it receives the messages that the
        broker has stored for the session, and then gives up the session. With `sharing`, several workers on this
        machine share the messages. `fingerprint` identifies the configuration.
        """
        self.crashed = threading.Event()
        self.ends_on_hang = False
        """If True, a watchdog ends the process when the mapping of a burst never returns. Set this before `start`."""
        self.mappings = mappings
        self.data_folder = spool.path
        self._publisher = publisher
        self._sender_settings = sender or SenderSettings()
        self._pools = SenderPools(
            publisher, self._sender_settings, lambda name, body: self._begin("senders", name, body)
        )
        self._clock = clock
        self._stopping = threading.Event()
        self._last_snapshot: Snapshot | None = None
        self._unsendable: dict[str, str] = {}
        self._threads = {
            group: ThreadGroup(self._stopping, self.crashed, transient=(SpoolWriteError,), clock=clock)
            for group in ("page", "watcher", "ingest", "senders")
        }
        self._spool = open_spool(spool, live_first=live_first)
        self._session_record = SessionRecord(self._spool)
        if not draining:
            # This run uses the session. If an earlier run has stored that the session was given up, correct this.
            self._session_record.store_given_up("")
        subscriber = DrainingSubscriber if draining else Subscriber
        self._subscriber = subscriber(
            session,
            maybe_subscribed=self._spool.broker_filters,
            record=self._session_record.load(),
            save=self._session_record.save,
            on_session=self._session_began,
        )
        self._ingest = IngestLoop(
            self._subscriber,
            self._spool,
            mappings.routes,
            limits=mappings.limits,
            min_commit_interval_secs=SHARED_MIN_COMMIT_INTERVAL_SECS if sharing else MIN_COMMIT_INTERVAL_SECS,
            on_stream=self._ensure_sender,
        )
        if manifest is not None:
            self._ingest.manifests = ManifestWriter(self._spool, session.client_id, manifest)
        mappings.on_change = self._ingest.set_mappings
        self._recorder = Recorder(self._spool.folder.path, curves=web is not None)
        self.curves = self._recorder.curves
        mappings.on_reload = self._recorder.reloaded
        self._observer = SnapshotBuilder(
            session.client_id,
            self._subscriber,
            self._ingest,
            self._spool,
            mappings,
            publisher,
            self.endpoints,
            self._sender_settings.bandwidth,
            self._recorder.problems,
        )
        self._observer.settings_fingerprint = fingerprint
        self._observer.draining = draining
        self._web = WebServer(self, web) if web is not None else None

    def _session_began(self, session_present: bool) -> None:
        self._ingest.session_began(session_present)

    # -- starting --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start all threads. The senders start even without a broker, so records of an earlier run are sent at once."""
        for queue in self._spool.queues.values():
            self._ensure_sender(queue)
        # Start the watchdog before ingest, because the mapping of the first burst may never return.
        if self.ends_on_hang:
            set_timer()
            self._begin(
                "watcher", "watchdog", lambda: end_process_on_hang(self._stopping, lambda: self._ingest.mapping_since)
            )
        self._begin("ingest", "ingest", self._ingest.run)
        self._begin("watcher", "watcher", lambda: self.mappings.watch(self._stopping))
        self._begin("watcher", "answers", self._serve_commands)
        self._begin("watcher", "jobs", self._serve_jobs)
        if self._web is not None:
            self._begin("page", "page", self._web.run)

    def serve_page_on(self, listener: PageListener) -> None:
        """Let the status page use this open socket. Call this before `start`."""
        if self._web is not None:
            self._web.listener = listener

    def request_reload(self) -> Callable[[], bool]:
        """Request a reload of all mappings.

        Return a function that returns True until the reload has ended. Any thread.
        """
        return self.mappings.request_reload()

    def limit_uplink(self, bytes_per_sec: int) -> None:
        """Change the maximum bandwidth of this bridge, if the bandwidth is limited at all. Any thread."""
        if self._sender_settings.bandwidth is not None:
            self._sender_settings.bandwidth.limit(bytes_per_sec)

    def leave(self) -> None:
        """Let a draining bridge give up its broker session. Any thread."""
        if isinstance(self._subscriber, DrainingSubscriber):
            self._subscriber.leave()

    @property
    def left(self) -> bool:
        """True if this bridge is draining, and the broker has confirmed that the session has no subscriptions."""
        return isinstance(self._subscriber, DrainingSubscriber) and self._subscriber.unsubscribed

    def _serve_commands(self) -> None:
        timer = SnapshotTimer(self.snapshot, self._recorder.observe)
        serve_requests(
            self._spool.folder.path, status_handlers(self), self._stopping, timer, wants=lambda name: name not in JOBS
        )

    def _serve_jobs(self) -> None:
        handlers = job_handlers(self, self._spool.states, self._stopping)
        serve_requests(self._spool.folder.path, handlers, self._stopping, wants=JOBS.__contains__)

    def run_job(self, action: Action, numbers: Sequence[int], worker: int | None = None) -> DeadLetterJob:
        """Replay or delete dead letters, and wait until the result is on disk. Any thread.

        Raises BridgeError if the bridge stops before the end of the job, or if the job takes longer than JOB_SECS.
        After this error, some dead letters have been processed completely, and the others are unchanged.
        """
        self.dead_letters_folder(worker)
        job = self._ingest.run_job(DeadLetterJob(action, numbers))
        wait_until_done(job.done, self._stopping, self._clock)
        return job

    def _ensure_sender(self, queue: StreamQueue) -> None:
        try:
            self._pools.add(queue)
        except ValueError as error:
            # A newer version of the program created this queue, with options that this version does not know. Its
            # records stay in the spool, and the status shows the reason.
            self._unsendable[queue.stream] = str(error)

    def _begin(self, group: str, name: str, body: Callable[[], None]) -> None:
        self._threads[group].start(name, body)

    # -- stopping --------------------------------------------------------------------------------------------------

    def stop(self, deadline_secs: float) -> bool:
        """Stop within `deadline_secs`. Return True if every thread ended by itself."""
        # Read `self.left` before the MQTT connection is closed below. After that, it would be False.
        deadline, left = self._clock() + deadline_secs, self.left
        self._stopping.set()
        # Send no new requests: they would prolong the stop, because each request may take seconds on a slow link.
        self._pools.stop()
        self._publisher.finish()
        if self._web is not None:
            self._web.stop()
        self._ingest.stop()
        finished = self._join("watcher", deadline) & self._join("ingest", deadline) & self._join("page", deadline)
        ingest_ended = not self._threads["ingest"].alive
        if ingest_ended:
            self._subscriber.close()
        for queue in self._spool.queues.values():
            queue.close()
        if not self._join("senders", deadline):
            finished = False
            self._publisher.abort()  # the records stay in the spool, and will be sent again
            self._threads["senders"].join(self._clock() + ABORT_SECS)
        if not ingest_ended:
            # The ingest thread may still use the database, so do not close it. An open database loses no data when the
            # process ends.
            return False
        # Commit which records were delivered. Otherwise, the next run would send these records again.
        self._ingest.commit_settled()
        self._last_snapshot = self._snapshot(stopped=True)
        self._recorder.close()
        # Write this last. After a crash before this line, the empty session is drained once more, which does no harm.
        if left:
            self._session_record.store_given_up("yes")
        self._spool.close()
        return finished

    def _join(self, group: str, deadline: float) -> bool:
        return self._threads[group].join(deadline)

    def totals(self) -> dict[str, int | bool]:
        """Return the ledger's totals since the spool was created. This also works after `stop`."""
        return totals(self._spool.ledger_rows())

    # -- requests of the page ----------------------------------------------------------------------------------------

    def dead_letters_folder(self, worker: int | None) -> Path:
        """Return the spool folder that contains the dead letters.

        Raises BridgeError if `worker` is not None, because this bridge has no workers.
        """
        if worker is not None:
            raise BridgeError(f"no worker {worker}: this bridge runs in a single process")
        return self._spool.folder.path

    def event_log(self) -> EventLogs:
        """Return the event log of this process."""
        return EventLogs({"": self._spool.folder.path}, self._recorder.events.waiting())

    @property
    def page_url(self) -> str:
        """URL of the status page, or "" if there is none."""
        return self._web.url if self._web is not None else ""

    def stalled(self) -> list[str]:
        """Return the reasons why this process makes no progress. [] means that it makes progress."""
        age = self._clock() - self._ingest.progress_at
        # Check the thread's progress. A thread that is alive may still hang, for example in a write to a broken disk.
        hangs = [f"the ingest thread has made no progress for {age:.0f} s"] if age > STALLED_SECS else []
        return hangs + (["all sender threads have ended"] if self._senders_ended() else [])

    def _senders_ended(self) -> bool:
        """Return whether all sender threads have ended, although the bridge is not stopping."""
        started = bool(self._pools.senders)
        return started and not self._stopping.is_set() and not self._threads["senders"].alive

    def shards(self) -> list[StreamShards]:
        """Return the known shards of each stream. Any thread."""
        return self._pools.shards()

    def set_tap(self, tap: Callable[[list[Publish]], None] | None) -> None:
        """Set the callback that gets each burst. None removes the callback."""
        self._ingest.tap = tap

    # -- snapshots -------------------------------------------------------------------------------------------------

    def last_snapshot(self) -> Snapshot:
        """Return the snapshot from the end of `stop`. If the bridge has not stopped, return the current snapshot."""
        return self._last_snapshot or self.snapshot()

    def snapshot(self) -> Snapshot:
        """Return the current state of the bridge. Any thread."""
        return self._snapshot(stopped=False)

    def _snapshot(self, *, stopped: bool) -> Snapshot:
        return self._observer.snapshot(
            list(self._pools.senders.values()),
            stalled=self.stalled(),
            unsendable=self._unsendable.copy(),
            page_problem=self._web.problem if self._web is not None else "",
            stopped=stopped,
        )

    def endpoints(self) -> tuple[EndpointStatus, ...]:
        """Return the measurements of each endpoint of AWS. Any thread."""
        return self._pools.endpoints()
