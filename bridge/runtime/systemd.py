"""Notifications to systemd if it has started the bridge: ready, watchdog, reloading, stopping, and a status text.

A notification is a datagram with lines of the form NAME=value. It is sent to the socket that the environment variable
NOTIFY_SOCKET names. A name that begins with '@' is in Linux's abstract namespace. Without the variable, nothing is
sent. https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html

The bridge sends watchdog notifications only while its threads make progress (see `bridge.monitoring.health`). So
systemd restarts a bridge that hangs. It does not restart a bridge whose broker is unreachable.
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
"""Time from the start to the first status text. Before this time, a missing connection is normal."""
LONGEST_STATUS = 1000
"""Maximum length of the status text in characters. systemd discards datagrams of more than 4,096 bytes."""


class SystemdNotifier:
    """Sender of the notifications. Only the thread that waits for signals uses it.

    That thread must call `feed` several times per watchdog timeout.
    """

    def __init__(
        self, environ: Mapping[str, str], clock: Callable[[], float] = time.monotonic, pid: int | None = None
    ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        # Open the socket at the start. Later, the process may have no free file descriptors, and must be able to report
        # that.
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if address else None
        # WATCHDOG_PID is the id of the process that must notify systemd. Child processes inherit the variable, but must
        # not notify.
        watched = environ.get("WATCHDOG_PID", "") in {"", str(os.getpid() if pid is None else pid)}
        self._watchdog = bool(environ.get("WATCHDOG_USEC")) and watched
        self._clock = clock
        self._status = ""
        self._status_at = float("-inf")
        self._reload_pending: Callable[[], bool] | None = None

    @property
    def reloading(self) -> bool:
        """True from the request of a reload until its end has been reported."""
        return self._reload_pending is not None

    def ready(self) -> None:
        """Report that the start has finished: spool open, mappings active, all threads running."""
        self._status_at = self._clock() - STATUS_SECS + FIRST_SECS
        self._send("READY=1\nSTATUS=connecting")

    def reload(self, request_reload: Callable[[], Callable[[], bool]]) -> None:
        """Report that a reload begins, and then request it with `request_reload`. `feed` reports its result later.

        The report must come first. Otherwise, `systemctl reload` would return too early.
        """
        self._send(f"RELOADING=1\nMONOTONIC_USEC={int(self._clock() * 1_000_000)}")
        self._reload_pending = request_reload()

    def stopping(self) -> None:
        """Report that a clean stop has begun."""
        self._send("STOPPING=1\nSTATUS=stopping")

    def feed(self, bridge: RunningBridge) -> None:
        """Notify the watchdog if the bridge makes progress.

        Also report the result of a reload and, every STATUS_SECS, the state of the bridge.
        """
        now = self._clock()
        if self._reload_pending is not None and not self._reload_pending():
            self._reload_pending, self._status_at = None, now
            # Send the status before READY=1. After READY=1, `systemctl reload` returns, and a person may read the
            # status.
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
        # Replace line breaks, because each line of a notification is another NAME=value.
        status = " ".join(status.split())[:LONGEST_STATUS]
        if status != self._status:
            self._status = status
            self._send(f"STATUS={status}")

    def _send(self, text: str) -> None:
        if self._socket is None:
            return
        # Ignore the error if the datagram cannot be sent. systemd then detects the missing watchdog notifications.
        with suppress(OSError):
            self._socket.sendto(text.encode(), socket.MSG_DONTWAIT, self._address)


def _status_text(bridge: RunningBridge) -> str:
    """Return the state of the bridge as one line.

    If the snapshot fails, for example because the disk does, return the error instead.
    """
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
    """Yield one line with the first error in the mapping files and the number of further errors.

    If there are no errors, yield nothing.
    """
    problems = bridge.mappings.problems
    if problems:
        more = f" (and {len(problems) - 1} more, see `check`)" if len(problems) > 1 else ""
        yield f"{problems[0]}{more}"
