"""The supervisor: it starts the workers' processes and its own threads, and stops all of them in a fixed order.

The order in which the supervisor stops, with the reasons:

1. The status page, the watcher of mapping files and the control channel stop, so that no request reaches a stopping
   worker.
2. The thread that monitors the workers stops, so that no worker is restarted.
3. The workers stop, all at the same time. A worker that exceeds the deadline is killed, which loses no message.
4. The lock is released, so that the next bridge can use the spools.

If the supervisor's process is killed, its sockets are closed, and each worker stops by itself.
"""

from __future__ import annotations

import base64
import logging
import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge.config import fingerprint
from bridge.errors import BridgeError, ConfigError
from bridge.ingest.replay import DeadLetterJob
from bridge.monitoring.merge import merge
from bridge.monitoring.problem_rules import find_process_problems
from bridge.monitoring.problems import sort_problems
from bridge.monitoring.recording.event_log import EventLogs
from bridge.monitoring.recording.recorder import Recorder
from bridge.monitoring.resident_memory import resident_bytes
from bridge.monitoring.snapshot_timer import SnapshotTimer
from bridge.monitoring.start_time import StartTime
from bridge.runtime.assembly import live_mappings
from bridge.runtime.control_channel import request, serve_requests
from bridge.runtime.thread_group import ThreadGroup
from bridge.spool.ledger import totals
from bridge.spool.lock import FolderLock, make_private, refuse_if_in_use
from bridge.supervisor.snapshot_from_spool import snapshot_from_spool, stored_ledger
from bridge.supervisor.worker_process import WorkerProcess, command_of
from bridge.supervisor.worker_shards import worker_shards
from bridge.supervisor.workers import (
    SUPERVISOR_FOLDER,
    bandwidth_share,
    folder_of,
    leftover_reason,
    settings_of,
    spool_folders,
    worker_slots,
)
from bridge.web.server import WebServer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bridge.config import Settings
    from bridge.delivery.shard_status import StreamShards
    from bridge.errors import Problem
    from bridge.ingest.replay import Action
    from bridge.monitoring.configuration import Configuration
    from bridge.monitoring.snapshot import Snapshot
    from bridge.supervisor.workers import WorkerSlot

log = logging.getLogger(__name__)

# The interval is short, because the messages of a crashed worker wait for its restart. A check (`waitpid`) is cheap.
CHECK_SECS: Final = 0.25
"""Interval between two checks of the workers' processes."""
POLL_SECS: Final = 2.0
"""Interval between two status requests to the workers."""
# Several viewers of the page share one request to each worker during this time.
FRESH_SECS: Final = 0.3
"""Maximum age of the workers' statuses in a snapshot."""
JOB_SECS: Final = 70.0
"""Maximum time to wait for a dead-letter job in a worker. The worker itself stops waiting after 60 s."""
STALLED_SECS: Final = 30.0
"""If the workers were not checked for this time, the supervisor is reported as stalled."""


class Supervisor:
    """The bridge with workers. Like a `Service`, it can be started once and stopped once.

    `crashed` is set when a thread has ended with an error.
    """

    configuration: Configuration | None = None

    def __init__(self, config: Path, settings: Settings, workers: int) -> None:
        """Lock the spools and load the mappings. Raises ConfigError, SpoolInUse or SpoolWriteError."""
        self.crashed = threading.Event()
        self._settings = settings
        self._stopping = threading.Event()
        self._serving = ThreadGroup(self._stopping, self.crashed)
        self._monitoring = ThreadGroup(self._stopping, self.crashed)
        self._tap: Callable[[list[Any]], None] | None = None
        self._tapped_at = self._polled_at = 0.0
        self._progress_at = time.monotonic()
        self._start_time = StartTime()
        # Protects the history of the supervisor's problems, because any thread may request a snapshot.
        self._problems_lock = threading.Lock()
        self._fingerprint = fingerprint(settings)
        self.data_folder = settings.spool.path
        self.folder = settings.spool.path / SUPERVISOR_FOLDER
        # A bridge without workers locks another folder than a supervisor. So check this lock too.
        refuse_if_in_use(settings.spool.path)
        with suppress(OSError):  # `FolderLock` below raises an error for the same reason
            make_private(settings.spool.path)
        self._lock = FolderLock(self.folder)
        try:
            wanted = worker_slots(settings, workers)
            of_first = settings_of(settings, wanted[0], 1, 1)
            self.mappings = live_mappings(of_first, self.folder / "in-force")
            refuse_first_switch(self.mappings.problems, settings.spool.path, workers)
            self.workers = self._loaded_mappings(config, wanted)
            self._recorder = Recorder(self.folder, curves=settings.http is not None, detects=False, what="supervisor")
        except BaseException:
            self._lock.close()
            raise
        self.curves = self._recorder.curves
        self.mappings.on_reload = self._recorder.reloaded
        web = settings.http
        self._web = WebServer(self, web) if web is not None else None

    def _loaded_mappings(self, config: Path, wanted: Sequence[WorkerSlot]) -> list[WorkerProcess]:
        active, made = sum(not each.draining for each in wanted), []
        for slot in wanted:
            folder = folder_of(self._settings.spool.path, slot.number)
            if slot.draining:
                log.warning(
                    "found the spool of an earlier run in %s (%s); draining it in process '%s'",
                    folder,
                    leftover_reason(folder),
                    slot.name,
                )
            own = settings_of(self._settings, slot, active, len(wanted))
            command = command_of(slot, config.absolute(), active, len(wanted), self._settings.log.level)
            made.append(WorkerProcess(slot, command, snapshot_from_spool(own), folder))
        return made

    # -- starting ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the workers and all threads."""
        self._monitoring.start("workers", self._watch_workers)
        self._serving.start("watcher", lambda: self.mappings.watch(self._stopping))
        self._serving.start("answers", self._serve_commands)
        if self._web is not None:
            self._serving.start("page", self._web.run)

    def _serve_commands(self) -> None:
        timer = SnapshotTimer(self.snapshot, self._recorder.observe)
        handlers = {"status": lambda _request: orjson.dumps(self.snapshot().status_json())}
        serve_requests(self.folder, handlers, self._stopping, timer)

    # -- watching the workers ------------------------------------------------------------------------------------------

    def _watch_workers(self) -> None:
        while not self._stopping.wait(CHECK_SECS):
            now = self._progress_at = time.monotonic()
            for worker in self.workers:
                worker.check()
            self._divide_link()
            # While a worker is starting, poll with every check, so that its first status is known early.
            if now - self._polled_at >= POLL_SECS or any(worker.pid and not worker.active for worker in self.workers):
                self._polled_at = now
                self._poll()
            if self._tap is not None and now - self._tapped_at >= 2 * CHECK_SECS:
                self._tapped_at = now
                self._show_messages(self._tap)

    def _poll(self) -> None:
        for worker in self.workers:
            worker.refresh(0.0)
        if all(worker.active and worker.snapshot().subscribed for worker in self._active):
            self._drain_unused_workers()

    def _drain_unused_workers(self) -> None:
        """Let draining workers give up their sessions. Call this only when the active workers receive new messages."""
        for worker in self.workers:
            if worker.slot.draining and worker.active and not worker.leave_requested:
                worker.notify("leave")
                worker.leave_requested = True

    @property
    def _active(self) -> list[WorkerProcess]:
        return [worker for worker in self.workers if not worker.slot.draining]

    @property
    def _drained(self) -> int:
        return sum(worker.drained for worker in self.workers)

    def _divide_link(self) -> None:
        share = bandwidth_share(self._settings, len(self.workers) - self._drained)
        for worker in self.workers:
            if worker.active and worker.link_share != share:
                worker.notify("link", bytes_per_sec=share)
                worker.link_share = share

    def _show_messages(self, tap: Callable[[list[Any]], None]) -> None:
        for worker in self.workers:
            found = [
                (first, *(base64.b64decode(each) for each in binary), size)
                for first, *binary, size in worker.messages()
            ]
            if found:
                tap(found)

    # -- stopping ------------------------------------------------------------------------------------------------------

    def stop(self, deadline_secs: float) -> bool:
        """Stop within `deadline_secs`. Return True if every worker ended by itself."""
        deadline = time.monotonic() + deadline_secs
        self._stopping.set()
        if self._web is not None:
            self._web.stop()
        # Join this thread before stopping the workers, so that no worker is restarted.
        self._monitoring.join(deadline)
        for worker in self.workers:
            # One tenth of the time is for the exit of the process, after its bridge has stopped.
            worker.stop(max(0.5, 0.9 * (deadline - time.monotonic())))
        self._serving.join(deadline)
        finished = [worker.wait(deadline) for worker in self.workers]
        self._recorder.close()
        self._lock.close()
        return all(finished)

    def kill(self) -> None:
        """Kill the workers at once. Called after a second signal."""
        for worker in self.workers:
            worker.kill()

    def totals(self) -> dict[str, int | bool]:
        """Return the totals of the ledgers of all spools on disk that can be read."""
        folders = spool_folders(self._settings.spool.path).values()
        return totals([row for folder in folders for row in stored_ledger(folder)[0]])

    def request_reload(self) -> Callable[[], bool]:
        """Request a reload here and in each worker.

        Return a function that returns True until all reloads have ended.
        """
        here = self.mappings.request_reload()
        for worker in self.workers:
            worker.notify("reload")
        return lambda: here() or any(worker.reloading() for worker in self.workers)

    # -- requests of the page ------------------------------------------------------------------------------------------

    @property
    def page_url(self) -> str:
        """URL of the status page, or "" if there is none."""
        return self._web.url if self._web is not None else ""

    def dead_letters_folder(self, worker: int | None) -> Path:
        """Return the spool folder of a worker, given by its number. Raises BridgeError.

        If `worker` is None, return the folder of the first worker with a spool.
        """
        folders = spool_folders(self._settings.spool.path)
        if worker is None:
            number = next((each.slot.number for each in self.workers if each.slot.number in folders), None)
            return folder_of(self._settings.spool.path, number or 0)
        if worker not in folders:
            raise BridgeError(f"no worker {worker} with a spool; expected one of {', '.join(map(str, folders))}")
        return folders[worker]

    def run_job(self, action: Action, numbers: Sequence[int], worker: int | None = None) -> DeadLetterJob:
        """Let the worker that stores the dead letters replay or delete them. Return the finished job.

        Raises BridgeError if `worker` is None or has no spool, or if the worker responds with an error or too late.
        """
        if worker is None:
            raise BridgeError("worker required: each worker numbers its dead letters separately")
        response = request(self.dead_letters_folder(worker), action, JOB_SECS, numbers=list(numbers))
        job = DeadLetterJob(action, numbers)
        job.counts.update(response["counts"])
        job.reasons.update(response["reasons"])
        job.done.set()
        return job

    def set_tap(self, tap: Callable[[list[Any]], None] | None) -> None:
        """Set the callback that gets some of the workers' messages. None removes the callback."""
        self._tap = tap

    def event_log(self) -> EventLogs:
        """Return the event logs of the supervisor and of its workers."""
        folders = {worker.slot.name: worker.folder for worker in self.workers}
        return EventLogs({"": self.folder, **folders}, self._recorder.events.waiting())

    def shards(self) -> list[StreamShards]:
        """Return the shards that each worker knows, by stream. Any thread."""
        return list(worker_shards(self.workers))

    def stalled(self) -> list[str]:
        """Return the reasons why this process or a running worker hangs."""
        of_workers = [f"{worker.slot.name}: {why}" for worker in self.workers for why in worker.stalled]
        return self._own_stalls() + of_workers

    def _own_stalls(self) -> list[str]:
        age = time.monotonic() - self._progress_at
        return [f"the workers were not checked for {age:.0f} s"] if age > STALLED_SECS else []

    # -- snapshots -----------------------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Return the merged state of all workers. The statuses are at most FRESH_SECS old. Any thread."""
        for worker in self.workers:
            if worker.active:
                worker.refresh(FRESH_SECS)
        workers = tuple(worker.status() for worker in self.workers)
        merged = merge([(worker.slot.name, worker.snapshot()) for worker in self.workers])
        active = [worker.snapshot() for worker in self._active]
        known = replace(
            merged,
            client_id=self._settings.mqtt.client_id,
            connected=all(each.connected for each in active),
            subscribed=all(each.subscribed for each in active),
            workers=workers,
            stalled=tuple(self._own_stalls()),
            page_problem=self._web.problem if self._web is not None else "",
            started_at=self._start_time.epoch_secs(),
            settings_fingerprint=self._fingerprint,
            cpu_secs=merged.cpu_secs + time.process_time(),
            memory_bytes=merged.memory_bytes + resident_bytes(),
            mappings_fingerprint=self.mappings.fingerprint,
        )
        with self._problems_lock:
            own = self._recorder.problems.update(find_process_problems(known), time.time())
        return replace(known, problems=sort_problems((*merged.problems, *own)), stalled=tuple(self.stalled()))

    def last_snapshot(self) -> Snapshot:
        """Return the current state. For a worker that has ended, use its last known state."""
        return self.snapshot()


def refuse_first_switch(problems: Sequence[Problem], path: Path, workers: int) -> None:
    """Raise ConfigError if a mapping does not load in the first run with workers.

    Some mappings work only without workers, and a person who switches to workers must see this error. In later runs,
    such an error does not stop the supervisor.
    """
    if workers and problems and not any(number for number in spool_folders(path)):
        raise ConfigError(problems)
