"""One worker's process: start, status requests, and restart after a pause if the process has ended."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from bridge.backoff import Backoff, Retries
from bridge.errors import BridgeError
from bridge.monitoring.merge import ended_process_snapshot, final_counters, merge
from bridge.monitoring.snapshot import Snapshot, WorkerStatus
from bridge.runtime.exit_codes import CONFIGURATION, CRASHED, FAILED
from bridge.runtime.signals import deferred_in_children
from bridge.supervisor.channel import SupervisorChannel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bridge.monitoring.snapshot import WorkerState
    from bridge.supervisor.workers import WorkerSlot

log = logging.getLogger(__name__)

RESPONSE_SECS: Final = 2.0
"""Maximum time to wait for a worker's response."""
# A worker that crashes at each start must not use a complete CPU core. But after the cause is fixed, it must run again
# within a minute.
LONGEST_PAUSE_SECS: Final = 60.0
"""Maximum pause before a restart."""
SETTLED_SECS: Final = 30.0
"""After a process has run for this time, the pauses begin again with the shortest pause."""
# During a commit to a slow disk, a worker may not respond for some seconds.
HUNG_SECS: Final = 30.0
"""A process counts as hanging after this time without a response."""
_WORDS: Final = {
    0: "it stopped without a request",
    FAILED: "it could not start, or not stop in time: see its log",
    CONFIGURATION: "the configuration or the mappings do not load any more: see its log",
    CRASHED: "it crashed: see its log",
}


class WorkerProcess:
    """The process of one worker, and its last known state.

    Only one thread at a time may call `check` and `stop`. Any thread may call `snapshot`, `status` and `refresh`.
    """

    def __init__(
        self,
        slot: WorkerSlot,
        command: Sequence[str],
        initial: Snapshot,
        folder: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare the process. The first call of `check` starts it.

        `command` is the command line without the option for the channel. `initial` is the state to show before the
        process has reported its first status.
        """
        self.slot = slot
        self.folder = folder
        self.restarts = 0
        self.stalled: tuple[str, ...] = ()
        self.leave_requested = False
        """True if the supervisor has requested this process to give up its session."""
        self.link_share: int | None = None
        """Share of the bandwidth last sent to this process, in bytes per second, or None if no share was sent."""
        self._command = command
        self._clock = clock
        self._retries = Retries(Backoff(1.0, LONGEST_PAUSE_SECS))
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: SupervisorChannel | None = None
        self._last = initial
        self._before: Snapshot | None = None
        self._last_report_pid = 0
        self._reported_at = self._last_response_at = self._started_at = 0.0
        self._start_at: float | None = 0.0
        self._detail = "starting"
        self._hung = self._last_end = ""
        self._state: WorkerState = "starting"
        # Protects `_last` (the last state) and `_before` (the counters of earlier processes). Both change when a new
        # process reports its state. Without this lock, a thread could see only one change, and count a process twice.
        self._merging = threading.Lock()

    # -- the supervisor's thread ---------------------------------------------------------------------------------------

    def check(self) -> None:
        """Check the process once. If it has ended, plan a restart. If it hangs, kill it. After a pause, start it."""
        now = self._clock()
        if self._process is not None:
            code = self._process.poll()
            if code is not None:
                self._ended(code, now)
            elif not self._hung and self._hangs(now):
                self._hung = self._hang_reason()
                log.error("%s does not respond, or makes no progress (%s): killing it", self.slot.name, self._hung)
                # A hanging process would not react to SIGTERM. A kill does no harm to the spool.
                self._process.kill()
        elif self._start_at is not None and now >= self._start_at:
            self._start(now)

    def _start(self, now: float) -> None:
        try:
            channel = SupervisorChannel()
        except OSError as error:
            self._pause(f"it cannot be started: {error.strerror}", now)
            return
        number = channel.theirs.fileno()
        # With `start_new_session`, Ctrl-C at the terminal reaches only the supervisor, which stops the workers.
        try:
            with deferred_in_children():
                self._process = subprocess.Popen(  # noqa: S603 - our own command
                    [*self._command, "--channel", str(number)],
                    pass_fds=[number],
                    start_new_session=True,
                    stdin=subprocess.DEVNULL,
                )
        except OSError as error:
            channel.close()
            self._pause(f"it cannot be started: {error.strerror}", now)
            return
        # Close this copy of the worker's socket. Otherwise, the supervisor would not read the end of the stream when
        # the worker ends.
        channel.theirs.close()
        self._channel, self._started_at, self._last_response_at, self._start_at = channel, now, now, None
        self._state, self._detail, self._hung = "starting", "starting", ""
        self.leave_requested, self.stalled, self.link_share = False, (), None
        log.info("%s started", self.slot.name, extra={"pid": self._process.pid, "spool": str(self.folder)})

    def _ended(self, code: int, now: float) -> None:
        self._forget_process()
        if self.slot.draining and code == 0:
            self._state, self._detail = "drained", ""
            log.info("%s has drained its spool", self.slot.name, extra={"spool": str(self.folder)})
            return
        # Only a draining worker may end by itself. After any other end, restart the process.
        self.restarts += 1
        if now - self._started_at > SETTLED_SECS:
            self._retries.reset()
        self._last_end = f"it hung ({self._hung}) and was killed" if self._hung else _words(code)
        self._pause(self._last_end, now)

    def _pause(self, why: str, now: float) -> None:
        pause = self._retries.next_secs()
        self._start_at, self._state = now + pause, "restarting"
        self._detail = f"{why}; restart {self.restarts}"
        log.error("%s ended: %s; restarting it in %.1f s", self.slot.name, why, pause)

    def _forget_process(self) -> None:
        if self._channel is not None:
            self._channel.close()
        self._process = self._channel = None
        self.stalled = ()

    def _hangs(self, now: float) -> bool:
        """Return whether the process does not respond, or reports that it makes no progress.

        A process that is starting never counts as hanging, because the salvage of a large damaged spool may take
        minutes.
        """
        status = self._last_report_pid == self.pid
        return status and (now - self._last_response_at > HUNG_SECS or bool(self.stalled))

    def _hang_reason(self) -> str:
        return "; ".join(self.stalled) or f"no response for {HUNG_SECS:.0f} s"

    # -- requests to the process ---------------------------------------------------------------------------------------

    def refresh(self, max_age_secs: float) -> None:
        """Request the worker's status if the last status is older than `max_age_secs`.

        If the worker does not respond, keep the last state.
        """
        if self._clock() - self._reported_at < max_age_secs:
            return
        pid = self.pid
        status = self._request("status")
        if status is None:
            return
        snapshot = Snapshot.from_json(status["snapshot"])
        with self._merging:
            if self._last_report_pid not in (0, pid):
                # A new process has replaced the last one, and counts from 0. Keep the counters of the last process,
                # because totals must not decrease.
                disconnected = final_counters(self._last)
                self._before = disconnected if self._before is None else merge([("", self._before), ("", disconnected)])
            self._last, self._last_report_pid, self._reported_at = snapshot, pid, self._clock()
            self.stalled = tuple(status["stalled"])
        if self._state == "starting":
            self._state, self._detail = "draining" if self.slot.draining else "running", ""

    def messages(self) -> list[Any]:
        """Return some recent messages, encoded as in `WorkerMain`. Return [] if the worker does not respond."""
        return list((self._request("messages") or {"messages": ()})["messages"])

    def reloading(self) -> bool:
        """Return whether a reload of the worker is still running.

        If the worker does not respond, return False. A new process will load all mappings when it starts.
        """
        return bool((self._request("reloading") or {"reloading": False})["reloading"])

    def _request(self, what: str) -> dict[str, Any] | None:
        channel = self._channel
        if channel is None:
            return None
        try:
            status = channel.request(what, RESPONSE_SECS)
        except BridgeError as error:
            log.debug("%s: %s", self.slot.name, error)
            return None
        self._last_response_at = self._clock()
        if "error" in status:
            log.debug("no status of %s: %s", self.slot.name, status["error"])
            return None
        return status

    def notify(self, what: str, **more: Any) -> None:
        """Send a request without waiting for a response. If there is no process, do nothing."""
        if self._channel is not None:
            self._channel.notify(what, **more)

    # -- state ---------------------------------------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        """Process id, or 0 while there is no process."""
        process = self._process
        return process.pid if process is not None else 0

    @property
    def active(self) -> bool:
        """True if the process is running and has reported its status."""
        return self._state in ("running", "draining")

    @property
    def drained(self) -> bool:
        """True if this is a draining worker that has finished."""
        return self._state == "drained"

    def snapshot(self) -> Snapshot:
        """Return the current or last known state. Its counters include the earlier processes of this worker."""
        with self._merging:
            alive = self.pid and self._last_report_pid == self.pid
            last, before = self._last if alive else ended_process_snapshot(self._last), self._before
        return last if before is None else merge([("", last), ("", before)])

    def status(self) -> WorkerStatus:
        """Return the worker's entry in the list of workers that the status shows."""
        snapshot = self.snapshot()
        return WorkerStatus(
            number=self.slot.number,
            name=self.slot.name,
            client_id=snapshot.client_id,
            folder=str(self.folder),
            state=self._state,
            detail=self._detail,
            pid=self.pid,
            up_secs=self._clock() - self._started_at if self.pid else 0.0,
            restarts=self.restarts,
            last_end=self._last_end,
            connected=snapshot.connected,
            received_messages=snapshot.received_messages,
            delivered=snapshot.total("delivered"),
            spooled=snapshot.total("spooled"),
            oldest_secs=max((stream.oldest_secs for stream in snapshot.streams), default=0.0),
            dead_letter_count=snapshot.dead_letter_count,
        )

    # -- stopping ------------------------------------------------------------------------------------------------------

    def stop(self, secs: float) -> None:
        """Send the process a request to stop within `secs`."""
        self.notify("stop", secs=secs)

    def wait(self, deadline: float) -> bool:
        """Wait until the process has ended. Kill it if it has not ended by clock time `deadline`.

        Return True if it ended by itself with exit code 0.
        """
        process, self._start_at = self._process, None
        if process is None:
            # The worker has drained its spool, or waits for its restart. There is nothing to stop.
            self._state = "drained" if self.drained else "stopped"
            return True
        try:
            code = process.wait(max(0.0, deadline - self._clock()))
        except subprocess.TimeoutExpired:
            log.warning("%s did not stop within the deadline; killing it. Its records are in its spool", self.slot.name)
            process.kill()
            code = process.wait()
        self._forget_process()
        self._state, self._detail = "stopped", "stopped"
        return code == 0

    def kill(self) -> None:
        """Kill the process at once. A signal handler calls this method, so it must neither wait nor acquire a lock."""
        process = self._process
        # Use os.kill, because Popen.kill acquires a lock.
        if process is not None and process.returncode is None:
            os.kill(process.pid, signal.SIGKILL)


def command_of(slot: WorkerSlot, config: Path, active: int, running: int, log_level: str) -> list[str]:
    """Return the command line of the worker's process, without the option for the channel."""
    numbers = {"--number": slot.number, "--active": active, "--running": running}
    options = [text for name, value in numbers.items() for text in (name, str(value))]
    draining = ["--draining"] if slot.draining else []
    main = [sys.executable, "-m", "bridge.supervisor.worker_main"]
    return [*main, "--config", str(config), "--log-level", log_level, *options, *draining]


def _words(code: int) -> str:
    if code < 0:
        # Most real-time signals have no name, so `Signals` raises ValueError for them.
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"it was killed by {name}"
    return _WORDS.get(code, f"exit code {code}")
