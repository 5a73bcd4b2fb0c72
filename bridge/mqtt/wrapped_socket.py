"""Base class of byte streams over a socket, with the calls that they forward unchanged."""

from __future__ import annotations

from typing import Protocol


class SocketLike(Protocol):
    """Methods that paho and the byte streams call on a socket (plain, TLS, or `WebSocket`).

    The ingest thread calls them. On a non-blocking socket, `recv` and `send` raise BlockingIOError, SSLWantReadError or
    SSLWantWriteError instead of waiting. `recv` returns b"" after the peer has closed; `send` returns the number of
    bytes sent.
    """

    def recv(self, size: int, /) -> bytes: ...  # noqa: D102  a socket's
    def send(self, data: bytes, /) -> int: ...  # noqa: D102  a socket's
    def fileno(self) -> int: ...  # noqa: D102  a socket's
    def close(self) -> None: ...  # noqa: D102  a socket's
    def setblocking(self, flag: bool, /) -> None: ...  # noqa: D102  a socket's


class WrappedSocket:
    """Base class of a byte stream over one socket. Not thread-safe."""

    _sock: SocketLike

    def fileno(self) -> int:
        """Return the file descriptor to wait on."""
        return self._sock.fileno()

    def close(self) -> None:
        """Close the connection and discard unsent output."""
        self._sock.close()

    def setblocking(self, flag: bool) -> None:
        """Set the socket's mode. paho makes it non-blocking once it is connected."""
        self._sock.setblocking(flag)

    def pending(self) -> int:
        """Return the number of decrypted bytes in the TLS layer, which a select on the descriptor does not detect."""
        pending = getattr(self._sock, "pending", None)
        return int(pending()) if pending else 0
