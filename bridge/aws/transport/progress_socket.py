"""A connected socket that notes what leaves, and whose waits end when nothing moves, at a reset, or by an abort.

The socket below does not block. Waits are polls: of the socket first, and only when that stays silent does the kernel
have to say what its send buffer holds. On a fast link the response is there at the first poll.
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
"""500 results are about 55 kB: one read, not seven of the 8 KiB that sockets' files have by default."""
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER: on, 0 s. socket(7)"""
_STATUS_CLASS = slice(9, 10)
"""The first digit of the status in `HTTP/1.1 200 OK`."""


class ProgressSocket:
    """The part of `socket.socket` that http.client and urllib3 use, over a TCP or TLS socket.

    Once the server responds, the rest of the request is not sent. `encrypted`: what arrives is TLS that another layer
    decrypts, as within TLS to a proxy, so that bytes which come early are not known to be a response.
    One thread at a time, but for `shut_down`.
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
        self._early = b""
        """Bytes of the response that came while the request was being sent."""
        self._request = request
        self.responded = False
        """True if the server responded, or closed, before it had the complete request. No other may follow."""
        self._io_refs = 0
        """Files that `makefile` made: the socket stays open for them. Named as in `socket`: urllib3 counts it too."""
        self._closed = False
        self._closing = threading.Lock()

    def begin(self, request: InFlightRequest) -> None:
        """Serve this request from now on."""
        self._request = request
        request.attach(self)

    # Sending

    def sendall(self, data: bytes | memoryview) -> None:
        """Return when the kernel has accepted all of it, or the server responds without waiting for it.

        Raises RequestStalled, RequestAborted, and what sockets raise.
        """
        rest = data
        while rest and not self.responded:
            count = self._send(rest)
            if count == len(rest):
                return
            rest = memoryview(rest)[count:]

    def _send(self, data: bytes | memoryview) -> int:
        try:
            count = self._sock.send(data)  # all that fits: the kernel's buffer bounds it, and TLS, to one record
        except (BlockingIOError, ssl.SSLWantWriteError):
            self._await_room(select.POLLOUT)
        except ssl.SSLWantReadError:
            self._await_room(select.POLLIN)
        except OSError as error:
            self._request.raise_if_aborted()
            if isinstance(error, ssl.SSLEOFError):  # urllib3 looks for a response after a reset, as without TLS
                raise ConnectionResetError(errno.ECONNRESET, "the server closed the connection") from error
            raise
        else:
            # The kernel counts the overhead of TLS as unacknowledged bytes. Without it here, a request would seem to
            # have left before it has.
            self._request.written += count + self._overhead
            return count
        return 0

    def _await_room(self, events: int) -> None:
        ready = self._poll(events | (select.POLLIN if self._watch else 0))
        self._request.check(unacknowledged_bytes(self._descriptor))
        if self._watch and ready & select.POLLIN:
            self._read_early()

    def _read_early(self) -> None:
        """Read what came before the request was sent. With TLS it may be a message of the protocol itself."""
        try:
            data = self._sock.recv(RESPONSE_BUFFER_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        self._early += data
        # A status 1xx is an interim response, after which the request must still be sent. An end of the stream, or any
        # other status, means that the server will not read the rest.
        if not data or self._early[_STATUS_CLASS] not in (b"", b"1"):
            self.responded = True
        elif self._early[_STATUS_CLASS]:
            self._watch = False  # 100 Continue, unasked: the response is still to come

    # Receiving

    def recv_into(self, buffer: bytearray | memoryview, nbytes: int = 0, flags: int = 0) -> int:  # noqa: ARG002 - as in socket
        """Read what is there, at least a byte; 0 at the end of the stream.

        Raises RequestStalled, NoResponse, ResponseTooLarge, RequestAborted, and what sockets raise.
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
        """Read as `recv_into` does, into new bytes."""
        buffer = bytearray(size)
        return bytes(buffer[: self.recv_into(buffer)])

    def _receive(self, buffer: bytearray | memoryview) -> int:
        request = self._request
        events = select.POLLIN
        # Bytes that OpenSSL has decrypted already are not visible to a poll of the socket. After the first bytes of a
        # response, the others are usually there as well: reading first saves a system call.
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
                if not count:  # after an abort the end of the stream is that of the shutdown
                    request.raise_if_aborted()
                return count

    def _note_received(self, count: int) -> None:
        request = self._request
        if self._encrypted and request.draining:
            return  # most likely the session tickets that follow a handshake
        if request.drain_known and not request.answered:  # a slow request: it is worth a question to the kernel
            request.round_trip(min_round_trip_secs(self._sock))
        request.received(count)

    # Waiting

    def _poll(self, events: int) -> int:
        """Return what the socket is ready for, errors too; 0 when it is time to check."""
        if events != self._events:
            self._poller.modify(self._descriptor, events)
            self._events = events
        # Rounded up: 0 ms would make the thread spin until the deadline.
        found = self._poller.poll(ceil(self._request.pause_secs() * 1000))
        return found[0][1] if found else 0

    # Ends

    def shut_down(self) -> None:
        """End the waits of the thread that uses the socket. Any thread.

        Not `ssl.SSLSocket.shutdown`: it drops the TLS state, and the other thread would send in the clear.
        """
        with self._closing, contextlib.suppress(OSError):
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket, at once or with the last file.

        After a failure the kernel discards what it has not sent. Otherwise megabytes of a request that has failed would
        continue to fill a thin link.
        """
        self._closed = True
        # As in `socket.socket`: http.client closes the socket while its response is still being read.
        if self._io_refs > 0:
            return
        with self._closing, contextlib.suppress(OSError):
            if self._request.failure is not None:
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        with self._closing:
            self._sock.close()

    # As http.client and urllib3 use sockets

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
        """Do nothing: the request has the time-outs."""

    def gettimeout(self) -> None:
        """Return None: no time-out of the socket's own."""
