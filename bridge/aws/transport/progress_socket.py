"""A connected socket that records which bytes leave. A wait ends if no byte moves, at a reset, or by an abort.

The wrapped socket does not block. A wait first polls the socket. Only if nothing happens, it queries the kernel for the
bytes in the send buffer. On a fast link, the response arrives during the first poll.
"""

from __future__ import annotations

import contextlib
import errno
import io
import select
import socket
import ssl
import struct
import threading
from math import ceil
from typing import TYPE_CHECKING, Any

from bridge.aws.transport.tcp_state import min_round_trip_secs, unacknowledged_bytes

if TYPE_CHECKING:
    from bridge.aws.transport.request import InFlightRequest

TLS_RECORD_OVERHEAD_BYTES = 22
"""Header, content type and tag of a TLS 1.3 record (RFC 8446, 5.2). SIOCOUTQ counts them, `send` does not;
OpenSSL sends one record at a time."""
RESPONSE_BUFFER_BYTES = 64 * 1024
"""One read is enough for 500 results (about 55 kB).

With the default of 8 KiB for sockets' files there would be seven.
"""
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER: on, 0 s. socket(7)"""
# Position of the first digit of the status in `HTTP/1.1 200 OK`.
_STATUS_CLASS = slice(9, 10)


class ProgressSocket:
    """The part of `socket.socket` that http.client and urllib3 use, over a TCP or TLS socket.

        Once the server responds, the rest of the request is not sent. With `encrypted`, another layer decrypts the
        arriving bytes (TLS within TLS to a proxy), so early bytes may not be a response.

    One thread at a time, except for `shut_down`.
    """

    def __init__(self, sock: socket.socket, request: InFlightRequest, *, encrypted: bool = False) -> None:
        sock.settimeout(0)
        self._sock = sock
        self._tls = sock if isinstance(sock, ssl.SSLSocket) else None
        self._overhead = TLS_RECORD_OVERHEAD_BYTES if self._tls else 0
        self._descriptor = sock.fileno()
        self._poller = select.poll()
        self._events = select.POLLIN
        self._poller.register(self._descriptor, self._events)
        self._encrypted = encrypted
        self._watch = not encrypted
        # Bytes of the response that arrived while the request was being sent.
        self._early = b""
        self._request = request
        self.responded = False
        """True if the server responded or closed before it had the complete request.

        No other request may follow then.
        """
        # Number of files from `makefile`, for which the socket stays open.
        # The attribute has the same name as in `socket.socket`, because urllib3 reads it.
        self._io_refs = 0
        self._closed = False
        self._closing = threading.Lock()

    def begin(self, request: InFlightRequest) -> None:
        """Serve this request from now on."""
        self._request = request
        request.attach(self)

    # Sending

    def sendall(self, data: bytes | memoryview) -> None:
        """Send all bytes to the kernel, but stop if the server responds before it has them.

        Raises RequestStalled, RequestAborted, and the errors of sockets.
        """
        rest = data
        while rest and not self.responded:
            count = self._send(rest)
            if count == len(rest):
                return
            rest = memoryview(rest)[count:]

    def _send(self, data: bytes | memoryview) -> int:
        try:
            count = self._sock.send(data)  # as much as fits in the kernel's buffer, with TLS at most one record
        except (BlockingIOError, ssl.SSLWantWriteError):
            self._await_room(select.POLLOUT)
        except ssl.SSLWantReadError:
            self._await_room(select.POLLIN)
        except OSError as error:
            self._request.raise_if_aborted()
            if isinstance(error, ssl.SSLEOFError):
                # After this error, urllib3 still looks for a response, as after a reset without TLS.
                raise ConnectionResetError(errno.ECONNRESET, "the server closed the connection") from error
            raise
        else:
            # The kernel's number of unacknowledged bytes includes the overhead of TLS. Without counting it here, a
            # request would seem to have left too early.
            self._request.written += count + self._overhead
            return count
        return 0

    def _await_room(self, events: int) -> None:
        ready = self._poll(events | (select.POLLIN if self._watch else 0))
        self._request.check(unacknowledged_bytes(self._descriptor))
        if self._watch and ready & select.POLLIN:
            self._read_early()

    def _read_early(self) -> None:
        """Read bytes that arrived before the request was sent.

        With TLS they may be a message of the TLS protocol itself.
        """
        try:
            data = self._sock.recv(RESPONSE_BUFFER_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        self._early += data
        # A status 1xx is an interim response, after which the request must still be sent. Any other status, or the end
        # of the stream, means that the server will not read the rest.
        if not data or self._early[_STATUS_CLASS] not in (b"", b"1"):
            self.responded = True
        elif self._early[_STATUS_CLASS]:
            self._watch = False  # an unrequested 100 Continue: the response is still to come

    # Receiving

    def recv_into(self, buffer: bytearray | memoryview, nbytes: int = 0, flags: int = 0) -> int:  # noqa: ARG002 - as in socket
        """Read the bytes that have arrived, at least one; return 0 at the end of the stream.

        Raises RequestStalled, NoResponse, ResponseTooLarge, RequestAborted, and the errors of sockets.
        """
        count = self._take_early(buffer) if self._early else self._receive(buffer)
        if count:
            self._note_received(count)
        return count

    def _take_early(self, buffer: bytearray | memoryview) -> int:
        count = min(len(buffer), len(self._early))
        buffer[:count], self._early = self._early[:count], self._early[count:]
        return count

    def recv(self, size: int) -> bytes:
        """Return new bytes, read like in `recv_into`."""
        buffer = bytearray(size)
        return bytes(buffer[: self.recv_into(buffer)])

    def _receive(self, buffer: bytearray | memoryview) -> int:
        request = self._request
        events = select.POLLIN
        # A poll of the socket does not detect bytes that OpenSSL has decrypted already. After the first bytes of a
        # response, the others have usually arrived too, so reading without a poll saves a system call.
        likely = request.answered or (self._tls is not None and self._tls.pending() > 0)
        while True:
            if not likely and not self._poll(events):
                request.check(unacknowledged_bytes(self._descriptor) if request.draining else None)
                continue
            likely = False
            try:
                count = self._sock.recv_into(buffer)
            except (BlockingIOError, ssl.SSLWantReadError):
                events = select.POLLIN
            except ssl.SSLWantWriteError:
                events = select.POLLOUT
            except OSError:
                request.raise_if_aborted()
                raise
            else:
                if not count:  # after an abort, the shutdown has caused this end of the stream
                    request.raise_if_aborted()
                return count

    def _note_received(self, count: int) -> None:
        request = self._request
        if self._encrypted and request.draining:
            return  # most likely the session tickets that follow a handshake
        if request.drain_known and not request.answered:
            # The request is slow, so it is worth querying the kernel.
            request.round_trip(min_round_trip_secs(self._sock))
        request.received(count)

    # Waiting

    def _poll(self, events: int) -> int:
        """Return the events for which the socket is ready, including errors; 0 if the time has come to check."""
        if events != self._events:
            self._poller.modify(self._descriptor, events)
            self._events = events
        # The time is rounded up. With 0 ms, the thread would poll without a pause until the deadline.
        found = self._poller.poll(ceil(self._request.pause_secs() * 1000))
        return found[0][1] if found else 0

    # Ends

    def shut_down(self) -> None:
        """End the waits of the thread that uses the socket. Any thread.

        `ssl.SSLSocket.shutdown` is not used, because it discards the TLS state. The other thread would then send
        unencrypted data.
        """
        with self._closing, contextlib.suppress(OSError):
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket, at once or when its last file is closed.

        After a failure, the kernel discards the unsent bytes. Otherwise, megabytes of a failed request would continue
        to fill a slow link.
        """
        self._closed = True
        # `socket.socket` does the same, because http.client closes the socket while the response is still being read.
        if self._io_refs > 0:
            return
        with self._closing, contextlib.suppress(OSError):
            if self._request.failure is not None:
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        with self._closing:
            self._sock.close()

    # Methods of a socket that http.client and urllib3 call

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """Return a file to read a response from."""
        self._io_refs += 1
        raw = socket.SocketIO(self, "r")  # type: ignore[arg-type]  # it needs these methods only; urllib3 does the same
        return io.BufferedReader(raw, RESPONSE_BUFFER_BYTES)

    def _decref_socketios(self) -> None:
        self._io_refs = max(0, self._io_refs - 1)
        if self._closed:
            self.close()

    def fileno(self) -> int:
        """Return the descriptor; urllib3 polls it to see whether the server closed an idle connection."""
        return self._sock.fileno()

    def settimeout(self, _secs: float | None) -> None:
        """Do nothing, because the time-outs belong to the request."""

    def gettimeout(self) -> None:
        """Return None, because the socket has no time-out of its own."""
