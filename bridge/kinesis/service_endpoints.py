"""AWS URLs that the bridge and its commands call.

botocore's resolver returns the URLs. Only `date_at` sends a request.

If a stream is given as an ARN, it has two endpoints, which belong to its account: one for records, and one for queries.
Example for records: https://123456789012.data-kinesis.us-east-1.amazonaws.com
https://docs.aws.amazon.com/streams/latest/dev/kinesis-account-endpoints.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from bridge.aws.client_factory import region_of
from bridge.aws.credentials.credential_endpoints import EndpointUse, endpoint_of, endpoints_used

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.aws.client_factory import EndpointSettings
    from bridge.kinesis.client_cache import PublisherSettings
    from bridge.model import Destination

_PORTS = {"https": 443, "http": 80}
DOCTOR_ONLY = "(doctor and policy only)"
"""Suffix for endpoints that only these commands call. The running bridge does not call them."""
_IDENTITY_USE = f"STS: identity of the bridge {DOCTOR_ONLY}"
_RECORDS, _QUERIES = "records", "shards and limits"
_OPERATIONS = {"put_records": _RECORDS, "describe_stream_summary": _QUERIES, "list_shards": _QUERIES}


class ServiceEndpoint(NamedTuple):
    """Endpoint (scheme and host), its uses, and the proxy for its requests; "" without a proxy."""

    url: str
    use: str
    proxy: str = ""

    @property
    def host(self) -> str:
        """Host name of the endpoint."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """Port in the URL, or the default port of the scheme."""
        return port_of(self.url)


def port_of(url: str) -> int:
    """Return the port in a URL, or the default port of the scheme."""
    parts = urlsplit(url)
    return parts.port or _PORTS[parts.scheme]


def service_endpoints(settings: PublisherSettings, destinations: Iterable[Destination]) -> list[ServiceEndpoint]:
    """Return the endpoints of Kinesis and of the credential sources, each URL once with all its uses."""
    from botocore.session import get_session  # noqa: PLC0415 - botocore is slow to import

    destinations, session = list(destinations), get_session()
    uses: dict[str, dict[str, None]] = {}
    for used in [*_streams(session, settings, destinations), *_identity(session, settings, destinations)]:
        uses.setdefault(used.url, {})[used.use] = None
    if not without_sts(settings):
        uses.setdefault(endpoint_of(session, settings, "sts"), {_IDENTITY_USE: None})
    return [ServiceEndpoint(url, "; ".join(purposes), proxy_of(settings, url)) for url, purposes in uses.items()]


def without_sts(settings: EndpointSettings) -> bool:
    """Return whether the endpoint is an emulator without STS. The STS of AWS does not know the keys of an emulator."""
    host = urlsplit(settings.endpoint_url or "").hostname or ""
    aws = host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".aws"))
    return bool(host) and not aws and not settings.sts_endpoint_url


def date_at(endpoints: EndpointSettings, endpoint: ServiceEndpoint) -> str:
    """Send an unsigned request to an endpoint, and return the Date header of the response; "" if it has none.

    The status of the response is ignored. The request is sent by botocore, so that it uses the same proxy, CA
    certificates and name resolution as the bridge. Raise SendError if there is no response.
    """
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415 - botocore is slow to import
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - as above
    from botocore.httpsession import URLLib3Session  # noqa: PLC0415 - as above

    from bridge.aws.bounded_session import BoundedSession  # noqa: PLC0415 - as above
    from bridge.aws.network_errors import network_error  # noqa: PLC0415 - as above

    session = BoundedSession(
        URLLib3Session(
            verify=endpoints.trusted,
            proxies=endpoints.proxies_for(endpoint.url),
            timeout=(endpoints.connect_timeout_secs,) * 2,
        )
    )
    try:
        response = session.send(AWSRequest(method="GET", url=f"{endpoint.url}/").prepare())
    except BotoCoreError as error:
        raise network_error(error) from error
    finally:
        session.close()
    return str(response.headers.get("Date", ""))


def proxy_of(endpoints: EndpointSettings, url: str) -> str:
    """Return `host:port` of the proxy for a URL, from the configuration or the environment; "" if there is no proxy."""
    found = endpoints.proxies_for(url).get(urlsplit(url).scheme, "")
    parts = urlsplit(found if "//" in found else f"//{found}", scheme="http")
    return f"{parts.hostname}:{parts.port or _PORTS[parts.scheme]}" if parts.hostname else ""


def _streams(session: Any, settings: PublisherSettings, destinations: Iterable[Destination]) -> Iterator[EndpointUse]:
    clients: dict[str, Any] = {}
    for destination in destinations:
        region = region_of(settings, destination)
        client = clients.get(region)
        if client is None:
            client = clients[region] = settings.client(session, "kinesis", region, signed=False)
        by_url: dict[str, dict[str, None]] = {}
        for operation, use in _OPERATIONS.items():
            by_url.setdefault(_url_of(client, destination.data_stream, operation), {})[use] = None
        for url, uses in by_url.items():
            yield EndpointUse(url, "Kinesis" if len(by_url) == 1 else f"Kinesis: {', '.join(uses)}")


def _url_of(client: Any, data_stream: str, operation: str) -> str:
    """Return scheme and host of the URL for an operation.

    The URL is taken from a presigned request, because this is botocore's public way to build a URL without sending a
    request.
    """
    named = "StreamARN" if data_stream.startswith("arn:") else "StreamName"
    parts = urlsplit(client.generate_presigned_url(operation, Params={named: data_stream}))
    return f"{parts.scheme}://{parts.netloc}"


def _identity(session: Any, settings: PublisherSettings, destinations: Iterable[Destination]) -> Iterator[EndpointUse]:
    yield from endpoints_used(session, settings.authentication, settings)
    if any(destination.role_arn for destination in destinations):
        yield EndpointUse(endpoint_of(session, settings, "sts"), "STS: roles of outputs")
