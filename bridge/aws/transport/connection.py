"""urllib3's connections and pools with a `ProgressSocket`, whose time-outs depend on the progress of a request.

These classes override `connect`, `request`, `send` and `getresponse` of http.client, `_new_conn` of urllib3's
connections, and `_get_conn` and `_put_conn` of its pools. urllib3 still handles TLS, the proxy's CONNECT, parsing and
errors. botocore's connection classes are not used, because they add `Expect: 100-continue`, which only S3 needs.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
from urllib3.util.connection import allowed_gai_family
from urllib3.util.ssltransport import SSLTransport

from bridge.aws.transport.progress_socket import ProgressSocket
from bridge.aws.transport.request import ResponseTooLarge, current_request

if TYPE_CHECKING:
    from bridge.aws.transport.request import InFlightRequest


TLS_RECORD_BYTES = 16 * 1024
# http.client calls `send` once for the head and once for the body.
HEAD_AND_BODY = 2


class ConnectingSocket:
    """Second file descriptor of a socket whose TCP, proxy or TLS set-up is not finished.

    With this descriptor, another thread may shut down the connection at any time. The first descriptor cannot be used,
    because urllib3 and `ssl` may close it at the same time.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._closing = threading.Lock()
        # Both descriptors belong to the same connection. So a shutdown of the second descriptor also ends a wait on the
        # first.
        self._sock = sock.dup()

    def shut_down(self) -> None:
        """End the wait of the thread that sets up the connection. Any thread may call this method."""
        # Without the lock, `close` could run at the same time, and the descriptor's number could then belong to another
        # socket. An error means that the peer has already closed the connection.
        with self._closing, contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close this descriptor. The connection stays open."""
        with self._closing:
            self._sock.close()


def _joined(parts: list[bytes]) -> list[bytes | memoryview]:
    """Return two parts: the head with the first bytes of the body, and the rest of the body. This saves a packet."""
    # A request without a body is sent unchanged.
    if len(parts) != HEAD_AND_BODY:
        return list(parts)
    head, body = parts
    # Only the first bytes of the body are copied. The rest may have megabytes, so it is sent without a copy.
    first = max(0, TLS_RECORD_BYTES - len(head))
    return [head + body[:first], memoryview(body)[first:]]


class _ProgressConnection(HTTPConnection):
    """Base class of the connections for http and https URLs."""

    used_at = 0.0
    """Time at which the last request ended."""
    _setting_up: ConnectingSocket | None = None
    _progress: ProgressSocket | None = None
    _parts: list[bytes] | None = None

    @property
    def reusable(self) -> bool:
        """True if another request may be sent over this connection."""
        return self._progress is None or not self._progress.responded

    def connect(self) -> None:
        """Connect, and wrap the socket in a `ProgressSocket`."""
        request = current_request.get()
        started_at = request.clock()
        try:
            super().connect()
        finally:
            request.connected(request.clock() - started_at)
            if self._setting_up is not None:
                self._setting_up.close()
        self._follow(request)

    def _follow(self, request: InFlightRequest) -> None:
        if isinstance(self.sock, SSLTransport):  # TLS to the proxy, and within it TLS to AWS
            self._progress = ProgressSocket(self.sock.socket, request, encrypted=True)
            self.sock.socket = self._progress  # type: ignore[assignment]  # it has all methods that SSLTransport calls
        else:
            self.sock = self._progress = ProgressSocket(self.sock, request)

    def _new_conn(self) -> socket.socket:
        """Return a connected TCP socket. An abort of the request ends the wait, which urllib3 does not support."""
        request = current_request.get()
        failure = OSError("the name has no address")
        # As in urllib3, the addresses are tried one after the other, and each has its own time-out. The last failure is
        # reported.
        for family, kind, protocol, _, address in self._addresses():
            try:
                return self._dial(request, socket.socket(family, kind, protocol), address)
            except OSError as error:
                failure = error
        if isinstance(failure, TimeoutError):
            raise self._not_connected(ConnectTimeoutError, f" within {self.timeout:g} s") from failure
        raise self._not_connected(NewConnectionError, f": {failure}") from failure

    def _addresses(self) -> list[Any]:
        try:
            return socket.getaddrinfo(self._dns_host.strip("[]"), self.port, allowed_gai_family(), socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise self._not_connected(NewConnectionError, f", the name has no address: {error}") from error

    def _not_connected(self, kind: type[HTTPError], why: str) -> HTTPError:
        message = f"no TCP connection to {self.host} port {self.port}{why}"
        current_request.get().failed(OSError(message))  # botocore's error does not contain this message
        return kind(self, message)

    def _dial(self, request: InFlightRequest, sock: socket.socket, address: Any) -> socket.socket:
        if self._setting_up is not None:
            self._setting_up.close()  # of the previous address, to which no connection was possible
        try:
            for option in self.socket_options or ():
                sock.setsockopt(*option)
            sock.settimeout(self.timeout)
            self._setting_up = ConnectingSocket(sock)
            request.attach(self._setting_up)
            # This check must follow `attach`. It detects an abort that came before `attach`. A later abort shuts down
            # the attached socket.
            request.raise_if_aborted()
            sock.connect(address)
        except BaseException:  # without this, the descriptor would leak
            sock.close()
            raise
        return sock

    def request(self, method: str, url: str, body: Any = None, headers: Any = None, **options: Any) -> None:
        """Collect the head and body of a request, then send both. The size must be known before sending begins."""
        request = current_request.get()
        parts: list[bytes] = []
        self._parts = parts
        try:
            super().request(method, url, body, headers, **options)
        finally:
            self._parts = None
        # In http.client, `send` connects. In this class, `send` only collects the parts, so this method connects.
        if self.sock is None:
            self.connect()
        self._send_parts(request, parts)

    def _send_parts(self, request: InFlightRequest, parts: list[bytes]) -> None:
        progress = self._progress
        assert progress is not None  # noqa: S101 - `connect` has set it
        progress.begin(request)
        request.start(sum(map(len, parts)))
        for part in _joined(parts):
            self.sock.sendall(part)
        # If the server has already responded, `sendall` has not sent the rest of the request.
        if not progress.responded:
            request.sent_completely()

    def getresponse(self) -> Any:
        """Return the response, before its body is read.

        Raise ResponseTooLarge if the head announces a body that is too large.
        """
        response = super().getresponse()
        # With TLS within TLS, the socket may not have detected the beginning of the response.
        if not (request := current_request.get()).answered:
            request.received()
        try:
            request.check_response_bytes(response.length_remaining or 0)
        except ResponseTooLarge:
            # The body is not read, so the connection cannot be used again.
            response.close()
            raise
        return response

    def send(self, data: Any) -> None:
        """Collect a part of a request. A CONNECT request to a proxy is sent at once, because `_parts` is still None."""
        if self._parts is None:
            super().send(data)
        else:
            self._parts.append(data)


class ProgressHTTPConnection(_ProgressConnection):
    """Connection for http URLs."""


class ProgressHTTPSConnection(_ProgressConnection, HTTPSConnection):
    """Connection for https URLs."""


class _IdleClosingPool(HTTPConnectionPool):
    """Base class of the pools for http and https URLs."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        """Return a connection. If the connection was unused for too long, close it, so that it connects again."""
        connection: Any = super()._get_conn(timeout)
        request = current_request.get()
        # A firewall or NAT may have silently dropped an idle connection. A request over it would then time out.
        if not connection.is_closed and request.clock() - connection.used_at >= request.timeouts.idle_timeout_secs:
            connection.close()
        return connection

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.used_at = current_request.get().clock()
            # If the server responded before it had received the complete request, it would read the next request on
            # this connection as the rest of this request.
            if not conn.reusable:
                conn.close()
        super()._put_conn(conn)


class ProgressHTTPConnectionPool(_IdleClosingPool):
    """Pool for http URLs."""

    ConnectionCls = ProgressHTTPConnection


class ProgressHTTPSConnectionPool(_IdleClosingPool, HTTPSConnectionPool):
    """Pool for https URLs."""

    ConnectionCls = ProgressHTTPSConnection
