"""HTTP session with limits on the size and duration of responses, which botocore does not have.

botocore reads every response completely, without a limit on size or time. If a response has an unexpected status,
botocore shows its body, which may contain credentials. This session is used for STS, AWS IoT, and the metadata services
of instances and containers.
"""

from __future__ import annotations

import io
import json
import time
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
    AWSResponse,
)
from botocore.exceptions import HTTPClientError
from botocore.httpsession import URLLib3Session
from urllib3.exceptions import HTTPError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

MAX_RESPONSE_BYTES = 256 * 1024
"""Maximum size of a response. Credentials with a session token have a few kB."""
MAX_RESPONSE_SECS = 60.0
"""Maximum duration of a response, including its head."""
CHUNK_BYTES = 8192
"""Bytes that are read between two checks of the size."""


class _TimedReader(io.RawIOBase):
    """Reader of a response with a deadline. A server that sends single bytes cannot occupy the thread forever."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._end = time.monotonic() + MAX_RESPONSE_SECS
        self._timeout: float | None = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Read the bytes that have arrived, or wait for them. Raise TimeoutError at the deadline."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"the response was not complete within {MAX_RESPONSE_SECS:g} s")
        self._sock.settimeout(left if self._timeout is None else min(left, self._timeout))
        try:
            received: int = self._sock.recv_into(buffer)
        finally:
            self._sock.settimeout(self._timeout)
        return received


class _TimedResponse(HTTPResponse):
    """HTTP response whose head and body are read within MAX_RESPONSE_SECS."""

    def __init__(self, sock: Any, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        # `_file` is the original file. It keeps the socket open until the response has been read.
        self._file, self.fp = self.fp, io.BufferedReader(_TimedReader(sock))

    def close(self) -> None:
        """Close the response and the file of its socket."""
        super().close()
        self._file.close()


class _HTTPConnection(AWSHTTPConnection):  # type: ignore[misc]  # botocore has no types
    response_class = _TimedResponse


class _HTTPSConnection(AWSHTTPSConnection):  # type: ignore[misc]  # as above
    response_class = _TimedResponse


class _HTTPConnectionPool(AWSHTTPConnectionPool):  # type: ignore[misc]  # as above
    ConnectionCls = _HTTPConnection


class _HTTPSConnectionPool(AWSHTTPSConnectionPool):  # type: ignore[misc]  # as above
    ConnectionCls = _HTTPSConnection


_POOLS = {"http": _HTTPConnectionPool, "https": _HTTPSConnectionPool}


class BoundedSession:
    """Session that sends prepared requests through the URLLib3Session `inner`. Any thread may use it.

    If a response exceeds a limit, `send` raises HTTPClientError. `secret` contains the HTTP statuses of responses with
    credentials. The body of a response with any other status is reduced to its error message, so that botocore cannot
    show credentials.
    """

    def __init__(self, inner: URLLib3Session, *, secret: Collection[int] | None = None) -> None:
        self._inner = inner
        if isinstance(inner, URLLib3Session):
            # Connections through proxies use `_pool_classes_by_scheme`. Direct connections use `_manager`.
            inner._pool_classes_by_scheme = inner._manager.pool_classes_by_scheme = _POOLS  # noqa: SLF001  botocore has no parameter
        self._secret = secret

    def send(self, request: Any) -> AWSResponse:
        """Send an AWSPreparedRequest, and return its complete response."""
        request.stream_output = True  # this method reads the body, so botocore must not read it
        response = self._inner.send(request)
        raw = response.raw
        try:
            body = self._read(raw)
        except (HTTPError, OSError) as error:
            raise HTTPClientError(error=error) from error
        finally:
            raw.close()
        if self._secret is not None and response.status_code not in self._secret:
            body = _message_of(body)
        return AWSResponse(response.url, response.status_code, response.headers, _Body(body))

    def close(self) -> None:
        """Close the idle connections."""
        self._inner.close()

    def _read(self, raw: Any) -> bytes:
        body = bytearray()
        for chunk in raw.stream(CHUNK_BYTES):
            body += chunk
            if len(body) > MAX_RESPONSE_BYTES:
                raise OSError(f"the response is larger than {MAX_RESPONSE_BYTES:,} bytes")
        return bytes(body)


def _message_of(body: bytes) -> bytes:
    """Return a JSON body with only the code and the message of `body`. Return b"" if `body` has neither."""
    try:
        fields = json.loads(body)
        shown = {name: fields[name] for name in ("code", "message", "Message") if isinstance(fields.get(name), str)}
    except (ValueError, AttributeError, RecursionError):
        return b""
    return json.dumps(shown).encode() if shown else b""


class _Body:
    """Body that has already been read, with the interface that AWSResponse needs."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        """Yield the complete body."""
        yield self._body


def install(client: Any, **options: Any) -> None:
    """Send all requests of a client through a BoundedSession with these options of URLLib3Session.

    If a handler of the event `before-send` returns a response, botocore uses it and does not send the request:
    https://docs.aws.amazon.com/boto3/latest/guide/events.html
    """
    session = BoundedSession(URLLib3Session(**options))
    client.meta.events.register_last("before-send", lambda request, **_: session.send(request))


def bound_metadata(resolver: Any) -> None:
    """Limit the responses that botocore's credential resolver reads from the metadata services.

    These are the services of EC2 instances and of containers. botocore has no parameter for the session, so private
    attributes are replaced.
    """
    for name, attribute in (("iam-role", "_role_fetcher"), ("container-role", "_fetcher")):
        fetcher = getattr(resolver.get_provider(name), attribute)
        fetcher._session = BoundedSession(fetcher._session, secret=(200,))  # noqa: SLF001 - see above
