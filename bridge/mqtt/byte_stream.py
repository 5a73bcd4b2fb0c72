"""Base class of the packet stream and the WebSocket: a byte stream over a socket."""

from __future__ import annotations

from typing import Protocol


class SocketLike(Protocol):
    """Methods that paho and the byte streams call on a socket: a plain socket, a TLS socket or a WebSocket.

    The ingest thread calls them. On a non-blocking socket, `recv` and `send` raise BlockingIOError, SSLWantReadError or
    SSLWantWriteError instead of waiting. `recv` returns b"" after the peer has closed the connection. `send` returns
    the number of bytes that were sent.
    """

    def recv(self, size: int, /) -> bytes: ...  # noqa: D102  as documented in the module socket
    def send(self, data: bytes, /) -> int: ...  # noqa: D102  as documented in the module socket
    def fileno(self) -> int: ...  # noqa: D102  as documented in the module socket
    def close(self) -> None: ...  # noqa: D102  as documented in the module socket
    def setblocking(self, flag: bool, /) -> None: ...  # noqa: D102  as documented in the module socket


class ByteStream:
    """Base class of a byte stream over one socket. Each method calls the method of the same name on the socket.

    Not thread-safe.
    """

    _sock: SocketLike

    def fileno(self) -> int:
        """Return the file descriptor of the socket, which can be polled."""
        return self._sock.fileno()

    def close(self) -> None:
        """Close the connection and discard unsent output."""
        self._sock.close()

    def setblocking(self, flag: bool) -> None:
        """Make the socket blocking or non-blocking. paho makes it non-blocking after the connection is open."""
        self._sock.setblocking(flag)

    def pending(self) -> int:
        """Return the number of decrypted bytes in the TLS layer. `poll` on the file descriptor does not detect them."""
        pending = getattr(self._sock, "pending", None)
        return int(pending()) if pending else 0
