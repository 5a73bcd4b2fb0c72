"""What systemd is told, where it started the bridge: ready, alive, reloading, stopping, and how it stands in words.

The protocol is a datagram of NAME=value lines to the socket that NOTIFY_SOCKET names; one that begins with '@' is in
Linux's abstract namespace. Without NOTIFY_SOCKET nothing is sent.
https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html

The watchdog is fed by progress (see `bridge.monitoring.health`), not by the mere fact that the process runs: systemd
restarts a bridge that hangs. A broker that is away is no reason to.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from bridge.errors import BridgeError
from bridge.monitoring.health import health, readiness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bridge.monitoring.running_bridge import RunningBridge

STATUS_SECS = 10.0
"""Between two looks at how the bridge stands."""
FIRST_SECS = 2.0
"""From its start to the first look: until then it is not connected, and that is nothing to tell."""
LONGEST_STATUS = 1000
"""Characters. systemd throws datagrams of more than 4,096 bytes away."""


class SystemdNotifier:
    """Belongs to the thread that waits for signals, which calls `feed` several times within the watchdog's time."""

    def __init__(
        self, environ: Mapping[str, str], clock: Callable[[], float] = time.monotonic, pid: int | None = None
    ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        # Opened here and kept: a process that has no descriptor left must be able to say so.
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if address else None
        watched = environ.get("WATCHDOG_PID", "") in {"", str(os.getpid() if pid is None else pid)}
        self._watchdog = bool(environ.get("WATCHDOG_USEC")) and watched
        self._clock = clock
        self._status = ""
        self._status_at = float("-inf")
        self._to_come: Callable[[], bool] | None = None

    @property
    def reloading(self) -> bool:
        """Whether the end of a reload is still to be told."""
        return self._to_come is not None

    def ready(self) -> None:
        """The spool is open, the mappings are in force, and every thread runs."""
        self._status_at = self._clock() - STATUS_SECS + FIRST_SECS
        self._tell("READY=1\nSTATUS=connecting")

    def reload(self, ask: Callable[[], Callable[[], bool]]) -> None:
        """SIGHUP was received: tell so, then `ask` for it; `feed` tells how it ended.

        First told and then begun: `systemctl reload` waits for what it has heard of when the signal's sender ends.
        """
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={int(self._clock() * 1_000_000)}")
        self._to_come = ask()

    def stopping(self) -> None:
        """A clean stop has begun."""
        self._tell("STOPPING=1\nSTATUS=stopping")

    def feed(self, bridge: RunningBridge) -> None:
        """Feed the watchdog if there is progress; say how a reload ended and, now and then, how the bridge stands."""
        now = self._clock()
        if self._to_come is not None and not self._to_come():
            self._to_come, self._status_at = None, now
            self._say(_outcome(bridge))  # first: who waits for the end looks at it then
            self._tell("READY=1")
        if self._socket is None:
            return
        if self._watchdog and health(bridge).well:
            self._tell("WATCHDOG=1")
        if now - self._status_at >= STATUS_SECS:
            self._status_at = now
            self._say(_standing(bridge))

    def _say(self, status: str) -> None:
        status = " ".join(status.split())[:LONGEST_STATUS]  # a line break would begin another assignment
        if status != self._status:
            self._status = status
            self._tell(f"STATUS={status}")

    def _tell(self, text: str) -> None:
        if self._socket is None:
            return
        # A manager that does not listen is no reason to stop bridging; it will see a watchdog that is not fed.
        with suppress(OSError):
            self._socket.sendto(text.encode(), socket.MSG_DONTWAIT, self._address)


def _standing(bridge: RunningBridge) -> str:
    """One line. A disk or a process that gives nothing to look with is told, and stops nothing else."""
    try:
        standing = "; ".join(readiness(bridge).reasons) or "receiving, spooling and delivering"
        return "; ".join((standing, *_not_loaded(bridge)))
    except (BridgeError, OSError) as error:
        return f"cannot look: {error}"


def _outcome(bridge: RunningBridge) -> str:
    """Of a reload."""
    in_force = f"reloaded: {len(bridge.mappings.routes.mappings)} mapping(s) in force"
    return "; ".join((in_force, *_not_loaded(bridge)))


def _not_loaded(bridge: RunningBridge) -> Iterator[str]:
    """Of the mappings' files, the first thing that is wrong, and how much else is."""
    problems = bridge.mappings.problems
    if problems:
        more = f" (and {len(problems) - 1} more, see `check`)" if len(problems) > 1 else ""
        yield f"{problems[0]}{more}"
