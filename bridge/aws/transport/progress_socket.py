"""Connected socket whose waits end if no byte moves for too long, if the peer resets the connection, or by an abort.

The wrapped socket is non-blocking. To wait, a thread polls the socket. If no event occurs, the thread queries the
kernel for the number of bytes in the send buffer. On a fast link, this query is rare, because the response arrives
during the first poll.
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
"""Size of the header, content type and tag of a TLS 1.3 record (RFC 8446, 5.2).

The kernel counts these bytes in SIOCOUTQ, but the result of `send` does not include them. OpenSSL sends one record at a
time.
"""
RESPONSE_BUFFER_BYTES = 64 * 1024
"""Size of a read. One read is enough for a response with 500 results (about 55 kB)."""
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""Value of SO_LINGER: on, with 0 seconds. Closing the socket then discards unsent bytes: see socket(7)."""
# Position of the first digit of the status in `HTTP/1.1 200 OK`. The digit shows the class of the status.
_STATUS_CLASS = slice(9, 10)


class ProgressSocket:
    """Wrapper of a TCP or TLS socket, with the methods that http.client and urllib3 need.

    An early response is a response that arrives before the request was sent completely. The rest of the request is then
    not sent. With `encrypted`, another layer decrypts the arriving bytes (TLS within TLS to a proxy), so the socket
    cannot recognise a response. Only one thread at a time may use this object. Any thread may call `shut_down`.
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
        # True if bytes that arrive during sending are read. They may be an early response.
        self._watch = not encrypted
        # Bytes of a response that arrived while the request was being sent.
        self._early_response = b""
        self._request = request
        self.responded = False
        """True if the server responded, or closed the connection, before it had received the complete request.

        Such a connection must not be used for another request.
        """
        # Number of open files from `makefile`. The socket stays open until they are closed. The attribute has the same
        # name as in `socket.socket`, because urllib3 reads it.
        self._io_refs = 0
        self._closed = False
        self._closing = threading.Lock()

    def begin(self, request: InFlightRequest) -> None:
        """Apply the deadlines of `request` from now on, and let `request` shut down this socket."""
        self._request = request
        request.attach(self)

    # Sending

    def sendall(self, data: bytes | memoryview) -> None:
        """Pass all bytes to the kernel. Stop at an early response.

        Raise RequestStalled, RequestAborted, and the errors of sockets.
        """
        rest = data
        while rest and not self.responded:
            count = self._send(rest)
            if count == len(rest):
                return
            rest = memoryview(rest)[count:]

    def _send(self, data: bytes | memoryview) -> int:
        try:
            count = self._sock.send(data)  # sends what fits into the kernel's buffer; with TLS, at most one record
        except (BlockingIOError, ssl.SSLWantWriteError):
            self._await_room(select.POLLOUT)
        except ssl.SSLWantReadError:
            self._await_room(select.POLLIN)
        except OSError as error:
            self._request.raise_if_aborted()
            if isinstance(error, ssl.SSLEOFError):
                # After a ConnectionResetError, urllib3 still reads a response that may have arrived. After an SSLError,
                # it does not.
                raise ConnectionResetError(errno.ECONNRESET, "the server closed the connection") from error
            raise
        else:
            # The kernel's number of unacknowledged bytes includes the overhead of TLS, so `written` must include it
            # too. Otherwise, the request would seem to have left too early.
            self._request.written += count + self._overhead
            return count
        return 0

    def _await_room(self, events: int) -> None:
        ready = self._poll(events | (select.POLLIN if self._watch else 0))
        self._request.check(unacknowledged_bytes(self._descriptor))
        if self._watch and ready & select.POLLIN:
            self._read_early_response()

    def _read_early_response(self) -> None:
        """Read bytes that arrived before the request was sent completely."""
        try:
            # With TLS, the bytes may be a message of the TLS protocol. `recv` then raises SSLWantReadError.
            data = self._sock.recv(RESPONSE_BUFFER_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        self._early_response += data
        # A status 1xx is an interim response: the rest of the request must still be sent. After any other status, or at
        # the end of the stream, the server does not read the rest.
        if not data or self._early_response[_STATUS_CLASS] not in (b"", b"1"):
            self.responded = True
        elif self._early_response[_STATUS_CLASS]:
            self._watch = False  # an unrequested 100 Continue, after which the real response follows

    # Receiving

    def recv_into(self, buffer: bytearray | memoryview, nbytes: int = 0, flags: int = 0) -> int:  # noqa: ARG002 - as in socket
        """Wait for at least one byte, and read the bytes that have arrived. Return 0 at the end of the stream.

        Raise RequestStalled, NoResponse, ResponseTooLarge, RequestAborted, and the errors of sockets.
        """
        count = self._take_early_response(buffer) if self._early_response else self._receive(buffer)
        if count:
            self._note_received(count)
        return count

    def _take_early_response(self, buffer: bytearray | memoryview) -> int:
        count = min(len(buffer), len(self._early_response))
        buffer[:count], self._early_response = self._early_response[:count], self._early_response[count:]
        return count

    def recv(self, size: int) -> bytes:
        """Read bytes as `recv_into` does, and return them."""
        buffer = bytearray(size)
        return bytes(buffer[: self.recv_into(buffer)])

    def _receive(self, buffer: bytearray | memoryview) -> int:
        request = self._request
        events = select.POLLIN
        # In two cases, the socket is read without a poll before it:
        # 1. OpenSSL has already decrypted bytes. A poll does not detect such bytes.
        # 2. The first bytes of the response were read. The other bytes have usually arrived too, so a poll would be an
        #    unnecessary system call.
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
                if not count:  # after an abort, the shutdown of the socket causes the end of the stream
                    request.raise_if_aborted()
                return count

    def _note_received(self, count: int) -> None:
        request = self._request
        if self._encrypted and request.draining:
            return  # before the request has left, bytes are probably session tickets, which follow a TLS handshake
        if request.drain_known and not request.answered:
            # Reading the round trip costs a system call, and only requests with a known `drained_at` need it.
            request.round_trip(min_round_trip_secs(self._sock))
        request.received(count)

    # Waiting

    def _poll(self, events: int) -> int:
        """Wait until the socket is ready, and return its events, including errors. Return 0 if `check` is due."""
        if events != self._events:
            self._poller.modify(self._descriptor, events)
            self._events = events
        # The time is rounded up. Rounded down to 0 ms, the thread would poll in a busy loop until the deadline.
        found = self._poller.poll(ceil(self._request.pause_secs() * 1000))
        return found[0][1] if found else 0

    # Ends

    def shut_down(self) -> None:
        """End the waits of the thread that uses the socket. Any thread may call this method.

        The method `ssl.SSLSocket.shutdown` is not used, because it discards the TLS state, and the other thread would
        then send unencrypted data.
        """
        with self._closing, contextlib.suppress(OSError):
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket: at once, or when the last file from `makefile` is closed.

        After a failure, the kernel discards the unsent bytes. Otherwise, megabytes of a failed request could continue
        to fill a slow link.
        """
        self._closed = True
        # http.client closes the socket before it reads the response from the file. So the file must stay usable.
        if self._io_refs > 0:
            return
        with self._closing, contextlib.suppress(OSError):
            if self._request.failure is not None:
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        with self._closing:
            self._sock.close()

    # Other methods that http.client and urllib3 call

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """Return a file that reads the response."""
        self._io_refs += 1
        raw = socket.SocketIO(self, "r")  # type: ignore[arg-type]  # this class has all methods that SocketIO calls
        return io.BufferedReader(raw, RESPONSE_BUFFER_BYTES)

    def _decref_socketios(self) -> None:
        self._io_refs = max(0, self._io_refs - 1)
        if self._closed:
            self.close()

    def fileno(self) -> int:
        """Return the descriptor. urllib3 polls it to detect that the server has closed an idle connection."""
        return self._sock.fileno()

    def settimeout(self, _secs: float | None) -> None:
        """Do nothing, because the time-outs belong to the request."""

    def gettimeout(self) -> None:
        """Return None, because the socket itself has no time-out."""
