"""HTTP session whose time-outs depend on the progress of a request, and its installation in a botocore client."""

from __future__ import annotations

import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    BotoCoreError,
    EndpointConnectionError,
    HTTPClientError,
    ProxyConnectionError,
    SSLError,
)
from botocore.httpsession import URLLib3Session
from urllib3.util.ssl_match_hostname import CertificateError

from bridge.aws.transport.connection import ProgressHTTPConnectionPool, ProgressHTTPSConnectionPool
from bridge.aws.transport.measurement import report
from bridge.aws.transport.request import MAX_RESPONSE_BYTES, InFlightRequest, RequestAborted, current_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.aws.client_factory import EndpointSettings
    from bridge.aws.transport.requests_in_flight import RequestsInFlight
    from bridge.aws.transport.timeouts import TransportTimeouts

SOCKET_OPTIONS = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1))
"""Socket options that botocore sets with `tcp_keepalive=True`."""


MAX_GET_RECORDS_BYTES = 32 * 1024 * 1024
"""Maximum size of a GetRecords response: 10 MiB of data and 10,000 keys of 256 characters, in base64 and JSON."""


class IncompleteRequestError(EndpointConnectionError):  # type: ignore[misc]  # botocore has no types
    """Error: the request was not sent completely, so the service cannot process it.

    A server does not process a body that is shorter than its Content-Length (RFC 9112, section 8).
    """

    fmt = 'the request was not sent in full to "{endpoint_url}": {error}'


class OutcomeUnknownError(HTTPClientError):  # type: ignore[misc]  # as above
    """Error: the request was sent completely, but got no valid response. The service may have processed the request."""

    fmt = '{error}: "{endpoint_url}"'


class ProgressSession(URLLib3Session):  # type: ignore[misc]  # as above
    """Session that sends prepared requests like botocore, but with TransportTimeouts. Any thread may use it.

    `options` are the parameters of URLLib3Session except `timeout`. Several sessions may share `in_flight`.
    """

    def __init__(
        self,
        timeouts: TransportTimeouts,
        in_flight: RequestsInFlight,
        *,
        clock: Callable[[], float] = time.monotonic,
        **options: Any,
    ) -> None:
        super().__init__(timeout=(timeouts.connect_timeout_secs, timeouts.answer_timeout_secs), **options)
        self._timeouts = timeouts
        self._in_flight = in_flight
        self._clock = clock
        self._pool_classes_by_scheme = {"http": ProgressHTTPConnectionPool, "https": ProgressHTTPSConnectionPool}
        self._manager.pool_classes_by_scheme = self._pool_classes_by_scheme

    def send(self, request: Any) -> Any:
        """Send an AWSPreparedRequest, return its complete response, and report its measurement.

        If a request fails after it was sent completely, raise OutcomeUnknownError, or an HTTPClientError of botocore.
        If it fails earlier, raise IncompleteRequestError, ProxyConnectionError, or SSLError for a refused certificate.
        """
        in_flight = InFlightRequest(self._timeouts, self._clock)
        in_flight.max_response_bytes = _max_response_bytes(request)
        token = current_request.set(in_flight)
        self._in_flight.add(in_flight)
        try:
            in_flight.raise_if_aborted()
            response = super().send(request)
        except (BotoCoreError, RequestAborted) as error:
            raise _outcome(error, in_flight, request.url) from error
        else:
            in_flight.dated(response.headers.get("Date", ""))
            return response
        finally:
            self._in_flight.remove(in_flight)
            current_request.reset(token)
            report(in_flight.measurement())


def _max_response_bytes(request: Any) -> int:
    target = request.headers.get("X-Amz-Target", "")
    text = target.decode("latin-1") if isinstance(target, bytes) else str(target)
    return MAX_GET_RECORDS_BYTES if text.endswith(".GetRecords") else MAX_RESPONSE_BYTES


def _outcome(error: Exception, request: InFlightRequest, url: str) -> Exception:
    cause = request.failure or error
    if request.complete:
        # If a connection through a proxy ends without a response, urllib3 reports an error of the proxy. This would be
        # misleading, so the error is replaced.
        known = isinstance(error, HTTPClientError) and request.failure is None
        return error if known else OutcomeUnknownError(endpoint_url=url, error=cause)
    if isinstance(error, ProxyConnectionError) or _certificate_refused(error):
        return error
    return IncompleteRequestError(endpoint_url=url, error=cause)


def _certificate_refused(error: Exception) -> bool:
    """Return whether the server's certificate was refused. Only a person can fix this."""
    if not isinstance(error, SSLError):
        return False
    wrapped: BaseException = error.kwargs["error"]  # urllib3's exception, whose argument is the exception of `ssl`
    return any(isinstance(cause, (ssl.SSLCertVerificationError, CertificateError)) for cause in wrapped.args)


def install(
    client: Any, endpoints: EndpointSettings, in_flight: RequestsInFlight, clock: Callable[[], float] = time.monotonic
) -> ProgressSession:
    """Send all requests of a Kinesis client through a new session.

    Return the session. The caller must close it together with the client.

    If a handler of the event `before-send` returns a response, botocore uses it and does not send the request:
    https://docs.aws.amazon.com/boto3/latest/guide/events.html
    """
    session = ProgressSession(
        endpoints.timeouts,
        in_flight,
        clock=clock,
        verify=endpoints.trusted,
        proxies=endpoints.proxies_for(client.meta.endpoint_url),
        max_pool_connections=endpoints.max_connections,
        socket_options=list(SOCKET_OPTIONS),
    )
    client.meta.events.register_last("before-send.kinesis", lambda request, **_: session.send(request))
    return session
