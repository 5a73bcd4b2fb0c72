"""Wake-up of a thread that waits for a socket: a byte from another thread makes a second socket readable."""

from __future__ import annotations

import select
import socket


class WakeUp:
    """Pair of sockets. Any thread may call `send`; the other methods belong to the waiting thread."""

    def __init__(self) -> None:
        self.reader, self._writer = socket.socketpair()
        self.reader.setblocking(False)
        self._writer.setblocking(False)

    def send(self) -> None:
        """Wake the waiting thread."""
        try:
            self._writer.send(b"\0")
        except OSError:
            # The socket is full of wake-ups, or closed. In both cases no thread is waiting.
            return

    def wait(self, secs: float) -> None:
        """Wait for a wake-up, at most `secs`."""
        select.select([self.reader], [], [], secs)

    def drain(self) -> None:
        """Discard the wake-ups that have arrived."""
        try:
            while self.reader.recv(4096):
                pass
        except OSError:
            return

    def close(self) -> None:
        """Close both sockets. May be called again."""
        self.reader.close()
        self._writer.close()
