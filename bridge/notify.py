"""What systemd is told, where it started the bridge: ready, alive, reloading, stopping, and how it stands in words.

The protocol is a datagram of NAME=value lines to the socket that NOTIFY_SOCKET names; one that begins with '@' is in
Linux's abstract namespace. Without NOTIFY_SOCKET nothing is sent.
https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html

The watchdog is fed by progress (see `bridge.web.health`), not by the mere fact that the process runs: systemd restarts
a bridge that hangs. A broker that is away is no reason to.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from bridge.errors import BridgeError
from bridge.web.health import health, readiness

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.web.observed import Observed

STATUS_SECS = 10.0
"""Between two looks at how the bridge stands."""


class Notifier:
    """Belongs to the thread that waits for signals, which calls `feed` several times within the watchdog's time."""

    def __init__(
        self, environ: Mapping[str, str], clock: Callable[[], float] = time.monotonic, pid: int | None = None
    ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        watched = environ.get("WATCHDOG_PID", "") in {"", str(os.getpid() if pid is None else pid)}
        self._watchdog = bool(environ.get("WATCHDOG_USEC")) and watched
        self._clock = clock
        self._status = ""
        self._status_at = float("-inf")

    def ready(self) -> None:
        """The spool is open, the mappings are in force, and every thread runs; also: a reload has been taken up."""
        self._tell("READY=1")

    def reloading(self) -> None:
        """SIGHUP was received. `ready` must follow."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={int(self._clock() * 1_000_000)}")

    def stopping(self) -> None:
        """A clean stop has begun."""
        self._tell("STOPPING=1\nSTATUS=stopping")

    def feed(self, bridge: Observed) -> None:
        """Feed the watchdog if there is progress; now and then, say how the bridge stands."""
        if not self._address:
            return
        if self._watchdog and health(bridge).well:
            self._tell("WATCHDOG=1")
        now = self._clock()
        if now - self._status_at >= STATUS_SECS:
            self._status_at = now
            self._say(_standing(bridge))

    def _say(self, status: str) -> None:
        status = " ".join(status.split())  # a line break would begin another assignment
        if status != self._status:
            self._status = status
            self._tell(f"STATUS={status}")

    def _tell(self, text: str) -> None:
        if not self._address:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        # A manager that does not listen is no reason to stop bridging; it will see a watchdog that is not fed.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as told:
            told.setblocking(False)
            told.sendto(text.encode(), address)


def _standing(bridge: Observed) -> str:
    """One line. A disk or a process that gives nothing to look with is told, and stops nothing else."""
    try:
        return "; ".join(readiness(bridge).reasons) or "receiving, spooling and delivering"
    except (BridgeError, OSError) as error:
        return f"cannot look: {error}"
