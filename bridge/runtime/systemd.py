"""Notifications to systemd, if it started the bridge: ready, watchdog, reloading, stopping, and a status text.

The protocol is a datagram of NAME=value lines to the socket in NOTIFY_SOCKET. A socket name that begins with '@' is in
Linux's abstract namespace. Without NOTIFY_SOCKET, no datagram is sent.
https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html

The bridge sends watchdog notifications only while it makes progress (see `bridge.monitoring.health`). So systemd
restarts a bridge that hangs. An unreachable broker causes no restart.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from bridge.durations import pluralize
from bridge.errors import BridgeError
from bridge.monitoring.health import health
from bridge.monitoring.problem_text import headline, verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bridge.monitoring.running_bridge import RunningBridge

STATUS_SECS = 10.0
"""Interval between two status texts."""
FIRST_SECS = 2.0
"""Time from the start to the first status text. Before it, a missing connection is normal and is not reported."""
LONGEST_STATUS = 1000
"""Maximum length of the status text in characters. systemd discards datagrams of more than 4,096 bytes."""


class SystemdNotifier:
    """Sender of the notifications. Used only by the thread that waits for signals.

    That thread must call `feed` several times per watchdog timeout.
    """

    def __init__(
        self, environ: Mapping[str, str], clock: Callable[[], float] = time.monotonic, pid: int | None = None
    ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        # The socket is opened at the start, because a process without free descriptors must still be able to report
        # that.
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if address else None
        # systemd sets WATCHDOG_PID to the process that must notify it; a child process inherits the variable.
        watched = environ.get("WATCHDOG_PID", "") in {"", str(os.getpid() if pid is None else pid)}
        self._watchdog = bool(environ.get("WATCHDOG_USEC")) and watched
        self._clock = clock
        self._status = ""
        self._status_at = float("-inf")
        self._reload_pending: Callable[[], bool] | None = None

    @property
    def reloading(self) -> bool:
        """True while the end of a reload has not been reported."""
        return self._reload_pending is not None

    def ready(self) -> None:
        """Report that the spool is open, the mappings are active, and every thread is running."""
        self._status_at = self._clock() - STATUS_SECS + FIRST_SECS
        self._send("READY=1\nSTATUS=connecting")

    def reload(self, request_reload: Callable[[], Callable[[], bool]]) -> None:
        """Report that SIGHUP was received, then request the reload with `request_reload`. `feed` reports its result.

        The report must precede the reload, otherwise `systemctl reload` returns too early.
        """
        self._send(f"RELOADING=1\nMONOTONIC_USEC={int(self._clock() * 1_000_000)}")
        self._reload_pending = request_reload()

    def stopping(self) -> None:
        """Report that a clean stop has begun."""
        self._send("STOPPING=1\nSTATUS=stopping")

    def feed(self, bridge: RunningBridge) -> None:
        """Notify the watchdog if there is progress. Report the result of a reload, and the state every STATUS_SECS."""
        now = self._clock()
        if self._reload_pending is not None and not self._reload_pending():
            self._reload_pending, self._status_at = None, now
            # The status comes before READY=1, because `systemctl reload` then returns, and its caller reads the status.
            self._send_status(_outcome(bridge))
            self._send("READY=1")
        if self._socket is None:
            return
        if self._watchdog and health(bridge).ok:
            self._send("WATCHDOG=1")
        if now - self._status_at >= STATUS_SECS:
            self._status_at = now
            self._send_status(_status_text(bridge))

    def _send_status(self, status: str) -> None:
        status = " ".join(status.split())[:LONGEST_STATUS]  # a line break would begin another assignment
        if status != self._status:
            self._status = status
            self._send(f"STATUS={status}")

    def _send(self, text: str) -> None:
        if self._socket is None:
            return
        # The bridge continues if the datagram cannot be sent. systemd then detects the missing watchdog notifications.
        with suppress(OSError):
            self._socket.sendto(text.encode(), socket.MSG_DONTWAIT, self._address)


def _status_text(bridge: RunningBridge) -> str:
    """Return the state of the bridge as one line. If it cannot be read (disk, descriptors), return that error."""
    try:
        problems = bridge.snapshot().problems
    except (BridgeError, OSError) as error:
        return f"ERROR: the status cannot be read: {error}"
    return "; ".join(map(headline, problems)) or verdict(())


def _outcome(bridge: RunningBridge) -> str:
    """Return the result of a reload as one line."""
    active = f"reloaded: {pluralize(len(bridge.mappings.routes.mappings), 'mapping')} active"
    return "; ".join((active, *_not_loaded(bridge)))


def _not_loaded(bridge: RunningBridge) -> Iterator[str]:
    """Yield a line with the first error in the mapping files and the number of further errors, if there are errors."""
    problems = bridge.mappings.problems
    if problems:
        more = f" (and {len(problems) - 1} more, see `check`)" if len(problems) > 1 else ""
        yield f"{problems[0]}{more}"
