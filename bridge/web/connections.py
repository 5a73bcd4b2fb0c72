"""Connections of the page: their maximum number, and the choice of the connection to close if there are too many.

A connection is *busy* while the server processes a complete request. Any other connection waits for its client: for a
TLS handshake, a request, or the rest of a request. If there are too many connections, the server selects the client
address with the most connections. Of this address, it closes the connection that has waited longest. So even many
silent connections cannot block a health check. The server also closes a connection that waits too long for its client:

    waits for its first request                 HEAD_SECS
    waits for the head of a later request       KEEP_ALIVE_SECS (uvicorn also closes idle connections after this time)
    waits for the body of a request             BODY_SECS
    waits until the client reads the response   UNREAD_SECS
"""

from __future__ import annotations

import errno
import logging
import os
import resource
import socket
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

log = logging.getLogger(__name__)

# These are enough for 20 browsers. Each browser opens up to six connections for a page.
MAX_CONNECTIONS: Final = 128
DESCRIPTORS_SHARE: Final = 4
"""The page may use a quarter of the process's file descriptors. The broker, Kinesis and the spool need the others."""
HEAD_SECS: Final = 10.0
KEEP_ALIVE_SECS: Final = 30
BODY_SECS: Final = 60.0
"""Maximum time for the body of a request. The largest body, 4 MiB, arrives in this time at 70 kB/s."""
UNREAD_SECS: Final = 30.0
LOG_SECS: Final = 60.0
"""Shortest time between two log lines about refused connections."""
# Errors of accept(2) if the process, or the system, has no free file descriptor.
_NO_DESCRIPTOR: Final = (errno.EMFILE, errno.ENFILE)


class HttpProtocol(Protocol):
    """Properties of a connection's protocol that `Connections` reads in the server's event loop.

    They neither block nor raise an exception.
    """

    transport: asyncio.Transport

    @property
    def busy(self) -> bool:
        """True while the server processes a complete request."""

    @property
    def reads_body(self) -> bool:
        """True while the body of a request is incomplete."""

    @property
    def write_paused(self) -> bool:
        """True while the client does not read the response."""


class HttpConnection:
    """One accepted socket, and the protocol that serves it after the TLS handshake."""

    def __init__(self, sock: socket.socket, address: str, now: float) -> None:
        self.sock = sock
        self.address = address
        self.waits_since = now
        self.unread_since: float | None = None
        self.max_wait_secs = HEAD_SECS
        self.protocol: HttpProtocol | None = None

    @property
    def busy(self) -> bool:
        """True while the server processes a complete request."""
        return self.protocol is not None and self.protocol.busy

    def is_late(self, now: float) -> bool:
        """Return whether the client has exceeded one of its time limits."""
        if self.protocol is None or not self.protocol.write_paused:
            self.unread_since = None
        elif self.unread_since is None:
            self.unread_since = now
        elif now - self.unread_since > UNREAD_SECS:
            return True
        reads_body = self.protocol is not None and self.protocol.reads_body
        return not self.busy and now - self.waits_since > (BODY_SECS if reads_body else self.max_wait_secs)

    def shut_down(self) -> None:
        """Shut the socket down. The server's event loop then sees the end of the connection, and closes it."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        if self.protocol is not None:
            # Do not use `close`. It would wait until the client has read the rest of the response.
            self.protocol.transport.abort()


class Connections:
    """All connections of the page. Use it only in the server's event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[int, HttpConnection] = {}
        self._logged_at = float("-inf")
        # Permit at least one connection, so that a health check can be answered even with very few descriptors.
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._max = max(1, min(MAX_CONNECTIONS, soft // DESCRIPTORS_SHARE))

    def accepted(self, sock: socket.socket, address: str) -> bool:
        """Count an accepted socket. If there are too many connections, close another one.

        Return False if no other connection can be closed, because all of them are busy.
        """
        self._forget_closed()
        if len(self._open) >= self._max and not self._make_room():
            self._log(f"all {self._max} connections are busy; new ones are refused")
            return False
        self._open[sock.fileno()] = HttpConnection(sock, address, self._clock())
        return True

    def served(self, descriptor: int, protocol: HttpProtocol) -> None:
        """Store the protocol that serves a socket."""
        if (connection := self._open.get(descriptor)) is not None:
            connection.protocol = protocol

    def answered(self, protocol: HttpProtocol) -> None:
        """Note that the response was sent. The connection now waits for the next request."""
        for connection in self._open.values():
            if connection.protocol is protocol:
                connection.waits_since, connection.max_wait_secs = self._clock(), KEEP_ALIVE_SECS

    def end_late(self) -> None:
        """Close each connection whose client has exceeded a time limit. The server calls this each second."""
        self._forget_closed()
        now = self._clock()
        for connection in list(self._open.values()):
            if connection.is_late(now):
                connection.shut_down()

    def no_descriptor(self) -> None:
        """Log that a connection was refused because the process has no file descriptor for it."""
        self._log("no file descriptor for a connection; it is refused")

    def _make_room(self) -> bool:
        waiting = [each for each in self._open.values() if not each.busy]
        if not waiting:
            return False
        per_address = Counter(each.address for each in waiting)
        # Close a connection of the address with the most connections: one client with many connections must not
        # displace the other clients.
        victim = max(waiting, key=lambda each: (per_address[each.address], -each.waits_since))
        # The socket object stays open until asyncio closes it. Only the entry is removed here, to make room at once.
        victim.shut_down()
        del self._open[victim.sock.fileno()]
        self._log(f"more than {self._max} connections; the one that waits longest ends ({victim.address})")
        return True

    def _forget_closed(self) -> None:
        # A closed socket has the descriptor -1. Its old number may already belong to another socket.
        closed = [number for number, each in self._open.items() if each.sock.fileno() != number]
        for number in closed:
            del self._open[number]

    def _log(self, what: str) -> None:
        now = self._clock()
        if now - self._logged_at >= LOG_SECS:
            self._logged_at = now
            log.warning("page: %s", what)


class PageListener(socket.socket):
    """Listening socket that refuses connections for which `Connections` has no room.

    Use it only in the server's event loop.
    """

    def __init__(self, family: int) -> None:
        self.connections = Connections()
        # asyncio sets TCP_NODELAY only on sockets with the number IPPROTO_TCP, not with 0. Without TCP_NODELAY, a
        # response on a kept-alive connection waits 40 ms for the client's delayed acknowledgement.
        super().__init__(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        # A spare descriptor. If the process has no other free descriptor, this one is closed for a short time, to
        # accept a connection and refuse it.
        self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def accept(self) -> tuple[socket.socket, Any]:
        """Return the next connection. Raise ConnectionAbortedError if there is no room for it.

        asyncio ignores this error, and continues with the next connection. It would log any other error. If the process
        has no free descriptor, there would be thousands of log lines.
        """
        try:
            sock, address = super().accept()
        except OSError as error:
            if error.errno not in _NO_DESCRIPTOR:
                raise
            self._refuse_without_descriptor()
            raise ConnectionAbortedError from error
        if not self.connections.accepted(sock, str(address[0])):
            # uvicorn never sees this socket, so nothing else would close it.
            sock.close()
            raise ConnectionAbortedError
        return sock, address

    def _refuse_without_descriptor(self) -> None:
        """Accept and close the connection with the spare descriptor.

        Otherwise, the connection would stay in the queue of the socket, and wake up the event loop again and again.
        """
        self.connections.no_descriptor()
        with suppress(OSError):
            os.close(self._spare)
        with suppress(OSError):
            super().accept()[0].close()
        with suppress(OSError):
            self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        """Close the socket and its spare descriptor."""
        if self.fileno() >= 0:
            with suppress(OSError):
                os.close(self._spare)
        super().close()
