"""botocore's HTTP session with limits on a response: for STS, AWS IoT, and the metadata of instances and containers.

botocore reads any response, however large it is and however long it takes. If a response has an unexpected status,
botocore shows its body, which may contain credentials.
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
"""Max bytes of a response. Credentials with a session token are a few kB."""
MAX_RESPONSE_SECS = 60.0
"""Max duration of a response, with its head."""
CHUNK_BYTES = 8192
"""Bytes of one read, between two checks of the size."""


class _TimedReader(io.RawIOBase):
    """The bytes of a response. Without a deadline, a server that sends single bytes would occupy the thread forever."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._end = time.monotonic() + MAX_RESPONSE_SECS
        self._timeout: float | None = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what has arrived, or wait for it, until the deadline. Raises TimeoutError."""
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
    """Response whose head and body are read within MAX_RESPONSE_SECS."""

    def __init__(self, sock: Any, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        # The file that it replaces keeps the socket open until the response has been read.
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
    """Session that sends prepared requests by the URLLib3Session `inner`. Raises HTTPClientError beyond the limits.

    Any thread. `secret` has the statuses of responses with credentials. A response with any other status is reduced to
    its message.
    """

    def __init__(self, inner: URLLib3Session, *, secret: Collection[int] | None = None) -> None:
        self._inner = inner
        if isinstance(inner, URLLib3Session):
            # The connections through proxies are made of these classes too.
            inner._pool_classes_by_scheme = inner._manager.pool_classes_by_scheme = _POOLS  # noqa: SLF001  botocore has no parameter
        self._secret = secret

    def send(self, request: Any) -> AWSResponse:
        """Return the response to an AWSPreparedRequest, read to its end."""
        request.stream_output = True  # the body is read here, and not by botocore
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
    """Return the JSON body with its code and message only; empty if it has none."""
    try:
        fields = json.loads(body)
        shown = {name: fields[name] for name in ("code", "message", "Message") if isinstance(fields.get(name), str)}
    except (ValueError, AttributeError, RecursionError):
        return b""
    return json.dumps(shown).encode() if shown else b""


class _Body:
    """A body that has already been read, with the interface that AWSResponse needs."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        """Yield the body."""
        yield self._body


def install(client: Any, **options: Any) -> None:
    """Send all requests of a client through a BoundedSession with these options of URLLib3Session.

    botocore uses a response that a handler of `before-send` returns, instead of sending the request itself:
    https://docs.aws.amazon.com/boto3/latest/guide/events.html
    """
    session = BoundedSession(URLLib3Session(**options))
    client.meta.events.register_last("before-send", lambda request, **_: session.send(request))


def bound_metadata(resolver: Any) -> None:
    """Limit the responses of the metadata services of instances and containers, which botocore's resolver reads.

    botocore has no parameter for this, so private attributes are replaced; a test covers both services.
    """
    for name, attribute in (("iam-role", "_role_fetcher"), ("container-role", "_fetcher")):
        fetcher = getattr(resolver.get_provider(name), attribute)
        fetcher._session = BoundedSession(fetcher._session, secret=(200,))  # noqa: SLF001 - see above
