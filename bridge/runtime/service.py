"""The bridge as a whole: it owns every thread, starts them, and stops them in a written order under one deadline.

Order of a stop, and why:
1. the page, the watcher, and what answers commands: nothing shall be asked, and no reload begin any more;
2. ingest: the burst in hand is committed and acknowledged, then the session is left; the broker keeps what follows;
3. the senders: each finishes the request in hand, because an answer that nobody reads becomes a duplicate;
4. the spool: what those requests settled is committed, and the files are closed.
A request that outlives the deadline is left behind; its records are still in the spool and will be sent again.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson

from bridge.delivery.stream_sender import SenderSettings, StreamSender
from bridge.errors import BridgeError, SpoolWriteError
from bridge.ingest.loop import MIN_COMMIT_INTERVAL_SECS, SHARED_MIN_COMMIT_INTERVAL_SECS, IngestLoop
from bridge.ingest.manifest_writer import ManifestWriter
from bridge.ingest.replay import DeadLetterJob
from bridge.monitoring.snapshot_builder import SnapshotBuilder
from bridge.mqtt.draining_subscriber import DrainingSubscriber
from bridge.mqtt.subscriber import Subscriber
from bridge.runtime.control import serve_requests
from bridge.runtime.thread_group import ThreadGroup
from bridge.spool.ledger import totals
from bridge.spool.opening import open_spool
from bridge.spool.read_only import GIVEN_UP
from bridge.web.server import WebServer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bridge.delivery.stream_sender import Transport
    from bridge.ingest.manifest_writer import ManifestOptions
    from bridge.ingest.replay import Action
    from bridge.mapping.loading.live_mappings import LiveMappings
    from bridge.monitoring.snapshot import Snapshot
    from bridge.mqtt.packet_stream import Publish
    from bridge.mqtt.session_settings import SessionSettings
    from bridge.spool.queue.stream_queue import StreamQueue
    from bridge.spool.store import SpoolSettings
    from bridge.web.settings import WebSettings

log = logging.getLogger(__name__)

ERRAND_SECS = 60.0
STALLED_SECS = 30.0
"""A commit may wait for a disk that takes its time; half a minute without a step is a thread that hangs."""


class Service:
    """Made, started once, stopped once. `crashed` is set when a thread ended by an error that none may survive."""

    def __init__(
        self,
        session: SessionSettings,
        spool: SpoolSettings,
        publisher: Transport,
        mappings: LiveMappings,
        *,
        sender: SenderSettings | None = None,
        web: WebSettings | None = None,
        manifest: ManifestOptions | None = None,
        draining: bool = False,
        sharing: bool = False,
        fingerprint: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Opens the spool: raises SpoolInUse or SpoolWriteError.

        `draining`: what is in the spool is sent, and from `leave` on the session is emptied and given up.
        `sharing`: several bridges of this machine divide the messages. `fingerprint` is the configuration's.
        """
        self.crashed = threading.Event()
        self.mappings = mappings
        self._publisher = publisher
        self._sender_settings = sender or SenderSettings()
        self._clock = clock
        self._stopping = threading.Event()
        self._last_snapshot: Snapshot | None = None
        self._senders: dict[str, StreamSender] = {}
        self._unsendable: dict[str, str] = {}
        self._threads = {
            group: ThreadGroup(self._stopping, self.crashed, transient=(SpoolWriteError,), clock=clock)
            for group in ("page", "watcher", "ingest", "senders")
        }
        self._spool = open_spool(spool)
        if not draining:
            self._note_given_up("")
        subscriber = DrainingSubscriber if draining else Subscriber
        self._subscriber = subscriber(session, held=self._spool.broker_filters, on_session=self._session_began)
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
        self._observer = SnapshotBuilder(
            session.client_id, self._subscriber, self._ingest, self._spool, mappings, publisher
        )
        self._observer.settings_fingerprint = fingerprint
        self._web = WebServer(self, web) if web is not None else None

    def _note_given_up(self, given_up: str) -> None:
        """For `left_over` of the supervisor, which looks into spools that nobody runs."""
        with suppress(SpoolWriteError):  # at worst an empty session is looked into once more
            if self._spool.get_meta(GIVEN_UP) != given_up:
                self._spool.set_meta(GIVEN_UP, given_up)

    def _session_began(self, session_present: bool) -> None:
        self._ingest.session_began(session_present)

    # -- starting --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start every thread. What an earlier run left in the spool is sent at once, broker or no broker."""
        for queue in self._spool.queues.values():
            self._ensure_sender(queue)
        self._begin("ingest", "ingest", self._ingest.run)
        self._begin("watcher", "watcher", lambda: self.mappings.watch(self._stopping))
        self._begin("watcher", "answers", self._answer)
        if self._web is not None:
            self._begin("page", "page", self._web.run)

    def ask_reload(self) -> Callable[[], bool]:
        """Load all mappings again, soon (SIGHUP); tells whether that is still to come. Any thread."""
        return self.mappings.ask_reload()

    def limit_uplink(self, bytes_per_sec: int) -> None:
        """The share of the link changes, if there is a limit. Any thread."""
        if self._sender_settings.uplink is not None:
            self._sender_settings.uplink.limit(bytes_per_sec)

    def leave(self) -> None:
        """Of a bridge that drains: give the session up. Any thread."""
        if isinstance(self._subscriber, DrainingSubscriber):
            self._subscriber.leave()

    @property
    def left(self) -> bool:
        """Of a bridge that drains: the broker holds no subscription of it."""
        return isinstance(self._subscriber, DrainingSubscriber) and self._subscriber.left

    def _answer(self) -> None:
        answers = {"status": self._told, "replay": self._errand_asked, "delete": self._errand_asked}
        serve_requests(self._spool.folder.path, answers, self._stopping)

    def _errand_asked(self, asked: dict[str, Any]) -> bytes:
        return orjson.dumps(self.run_job(asked["ask"], [int(number) for number in asked["numbers"]]).value())

    def run_job(self, action: Action, numbers: Sequence[int], worker: int | None = None) -> DeadLetterJob:
        """Replay dead letters, or delete them, and wait until it is on disk. Any thread.

        Raises BridgeError where the bridge stops first, or the disk takes nothing for too long: then some letters may
        have left, each with all that was made of it, and the rest is as it was.
        """
        self.letters_folder(worker)
        errand = self._ingest.run_job(DeadLetterJob(action, numbers))
        deadline = self._clock() + ERRAND_SECS
        while not errand.done.wait(0.1):
            if self._stopping.is_set():
                raise BridgeError("not ended: the bridge stops")
            if self._clock() > deadline:
                raise BridgeError(f"not ended within {ERRAND_SECS:.0f} s; see what 'status' says of the spool")
        return errand

    def _told(self, _asked: object) -> bytes:
        return orjson.dumps(self.snapshot().told())

    def _ensure_sender(self, queue: StreamQueue) -> None:
        if queue.stream in self._senders:
            return
        try:
            sender = StreamSender(queue, self._publisher, self._sender_settings)
        except ValueError as error:
            self._unsendable[queue.stream] = f"records are kept, not sent: {error}; install the version that wrote them"
            return
        sender.on_busy = lambda: self._begin("senders", f"send {sender.stream} {sender.workers}", sender.run)
        for number in range(sender.workers):
            self._begin("senders", f"send {queue.stream} {number + 1}", sender.run)
        self._senders[queue.stream] = sender  # only now: one without threads is one whose threads have ended

    def _begin(self, group: str, name: str, body: Callable[[], None]) -> None:
        self._threads[group].start(name, body)

    # -- stopping --------------------------------------------------------------------------------------------------

    def stop(self, deadline_secs: float) -> bool:
        """Stop within the deadline; True if everything came to its end by itself."""
        deadline, left = self._clock() + deadline_secs, self.left
        self._stopping.set()
        if self._web is not None:
            self._web.stop()
        self._ingest.stop()
        finished = self._join("watcher", deadline) & self._join("ingest", deadline) & self._join("page", deadline)
        ingest_ended = not self._threads["ingest"].alive
        if ingest_ended:
            self._subscriber.close()
        for sender in self._senders.values():
            sender.stop()
        for queue in self._spool.queues.values():
            queue.close()
        finished &= self._join("senders", deadline)
        if not ingest_ended:
            # It may still hold the database; leaving it as it is loses nothing, and closing it under it might.
            return False
        self._ingest.commit_settled()
        self._last_snapshot = self.snapshot()
        if left:
            self._note_given_up("yes")
        self._spool.close()
        return finished

    def _join(self, group: str, deadline: float) -> bool:
        return self._threads[group].join(deadline)

    def totals(self) -> dict[str, int | bool]:
        """The sums of the books since the spool was begun. Usable after `stop` too."""
        return totals(self._spool.ledger_rows())

    # -- what the page asks ------------------------------------------------------------------------------------------

    def letters_folder(self, worker: int | None) -> Path:
        """Where the dead letters can be read. Raises BridgeError: there are no workers here."""
        if worker is not None:
            raise BridgeError(f"there is no worker {worker}: this bridge is one process")
        return self._spool.folder.path

    @property
    def page_url(self) -> str:
        """Where the page is; "" if there is none."""
        return self._web.url if self._web is not None else ""

    def stalled(self) -> list[str]:
        """Why this process makes no progress; empty while it does."""
        age = self._clock() - self._ingest.progress_at
        hangs = [f"the ingest thread has not come by for {age:.0f} s"] if age > STALLED_SECS else []
        return hangs + [f"the threads that send to {stream} have ended" for stream in self._ended_senders()]

    def _ended_senders(self) -> list[str]:
        """Streams whose sending threads have all ended, though nobody told them to."""
        if self._stopping.is_set():
            return []
        alive = {
            thread.name.rpartition(" ")[0].removeprefix("send ")
            for thread in self._threads["senders"]
            if thread.is_alive()
        }
        return sorted(set(self._senders) - alive)

    def set_tap(self, tap: Callable[[list[Publish]], None] | None) -> None:
        """Be told of each burst, or no more."""
        self._ingest.tap = tap

    # -- looking ---------------------------------------------------------------------------------------------------

    def last_snapshot(self) -> Snapshot:
        """How everything stood at the end of the stop, or stands now if there was none."""
        return self._last_snapshot or self.snapshot()

    def snapshot(self) -> Snapshot:
        """How everything stands. Any thread."""
        return self._observer.snapshot(list(self._senders.values()), self._problems(), self.stalled())

    def _problems(self) -> list[str]:
        page = self._web.problem if self._web is not None else ""
        return [*self._unsendable.values(), *([f"the page is not served: {page}"] if page else [])]
