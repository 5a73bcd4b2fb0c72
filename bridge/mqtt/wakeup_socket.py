"""Socket that lets other threads end a wait. The waiting thread waits for this socket and for others at once."""

from __future__ import annotations

import select
import socket


class WakeupSocket:
    """Pair of connected sockets: a byte written to one makes the other readable.

    Any thread may call `send`. Only the waiting thread may call the other methods.
    """

    def __init__(self) -> None:
        self.reader, self._writer = socket.socketpair()
        self.reader.setblocking(False)
        self._writer.setblocking(False)

    def send(self) -> None:
        """End the wait of the waiting thread, or its next wait if it does not wait now."""
        try:
            self._writer.send(b"\0")
        except OSError:
            # The socket is closed, or full. A full socket is readable, so it ends the next wait anyway.
            return

    def wait(self, secs: float) -> None:
        """Wait until `send` is called, for at most `secs` seconds."""
        select.select([self.reader], [], [], secs)

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
