"""Socket that lets other threads end a wait. The waiting thread waits for this socket and other sockets together."""

from __future__ import annotations

import select
import socket


class WakeupSocket:
    """Pair of connected sockets. A byte that is written to one socket makes the other socket readable.

    Any thread may call `send`. Only the waiting thread may call the other methods.
    """

    def __init__(self) -> None:
        self.reader, self._writer = socket.socketpair()
        self.reader.setblocking(False)
        self._writer.setblocking(False)

    def send(self) -> None:
        """End the wait of the waiting thread. If it is not waiting now, end its next wait."""
        try:
            self._writer.send(b"\0")
        except OSError:
            # The socket is closed or full. If it is full, the other socket is readable and ends the next wait anyway.
            return

    def wait(self, secs: float) -> None:
        """Wait until `send` is called, for at most `secs` seconds."""
        # Use `poll`, because `select` raises ValueError for file descriptors from 1024. A negative timeout would make
        # `poll` wait without limit.
        poller = select.poll()
        poller.register(self.reader, select.POLLIN)
        poller.poll(max(0.0, secs) * 1000)

    def drain(self) -> None:
        """Discard all bytes that have arrived, so that the next wait does not end at once."""
        try:
            while self.reader.recv(4096):
                pass
        except OSError:
            return

    def close(self) -> None:
        """Close both sockets. This may be called more than once."""
        self.reader.close()
        self._writer.close()
