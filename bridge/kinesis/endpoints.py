"""Where in AWS a configuration asks, by the exact URL: told by botocore's own resolver, and nothing is sent.

One stream may have two places: where it is named by its ARN, records and questions go to endpoints of its account,
such as https://123456789012.data-kinesis.us-east-1.amazonaws.com.
https://docs.aws.amazon.com/streams/latest/dev/kinesis-account-endpoints.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from bridge.aws.client_factory import region_of
from bridge.aws.credentials.endpoints import Asked, asked_by, endpoint_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.aws.client_factory import Reach
    from bridge.kinesis.client_cache import PublisherSettings
    from bridge.model import Destination

_PORTS = {"https": 443, "http": 80}
_DOCTORS = "STS: who the bridge is (doctor and policy only)"
_RECORDS, _QUESTIONS = "records", "shards and limits"
_OPERATIONS = {"put_records": _RECORDS, "describe_stream_summary": _QUESTIONS, "list_shards": _QUESTIONS}


class Place(NamedTuple):
    """Scheme and host of an endpoint, what it is asked for, and the proxy that it is reached through ("": directly)."""

    url: str
    use: str
    proxy: str = ""

    @property
    def host(self) -> str:
        """By name."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """As given, or the scheme's."""
        return port_of(self.url)


def port_of(url: str) -> int:
    """As given, or the scheme's."""
    parts = urlsplit(url)
    return parts.port or _PORTS[parts.scheme]


def places(settings: PublisherSettings, destinations: Iterable[Destination]) -> list[Place]:
    """Each URL once, with all that it is asked for: Kinesis in each region, and what gives credentials."""
    from botocore.session import get_session  # noqa: PLC0415 - botocore is slow to import

    destinations, session = list(destinations), get_session()
    uses: dict[str, dict[str, None]] = {}
    for asked in [*_streams(session, settings, destinations), *_identity(session, settings, destinations)]:
        uses.setdefault(asked.url, {})[asked.use] = None
    uses.setdefault(endpoint_of(session, settings, "sts"), {_DOCTORS: None})
    return [Place(url, "; ".join(told), proxy_of(settings, url)) for url, told in uses.items()]


def date_at(reach: Reach, place: Place) -> str:
    """Ask a place without saying who asks, and give the Date of the answer, whatever that is; "" if it tells none.

    By botocore's own connection, so that proxy, authorities and names are those of the bridge. Raises SendError.
    """
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415 - botocore is slow to import
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - as above
    from botocore.httpsession import URLLib3Session  # noqa: PLC0415 - as above

    from bridge.aws.network_errors import network_error  # noqa: PLC0415 - as above

    session = URLLib3Session(
        verify=reach.trusted, proxies=reach.proxies_for(place.url), timeout=(reach.connect_timeout_secs,) * 2
    )
    try:
        answer = session.send(AWSRequest(method="GET", url=f"{place.url}/").prepare())
    except BotoCoreError as error:
        raise network_error(error) from error
    finally:
        session.close()
    return str(answer.headers.get("Date", ""))


def proxy_of(reach: Reach, url: str) -> str:
    """The host and port of the proxy on the way to a URL, as configured or by the environment; "" if there is none."""
    found = reach.proxies_for(url).get(urlsplit(url).scheme, "")
    parts = urlsplit(found if "//" in found else f"//{found}", scheme="http")
    return f"{parts.hostname}:{parts.port or _PORTS[parts.scheme]}" if parts.hostname else ""


def _streams(session: Any, settings: PublisherSettings, destinations: Iterable[Destination]) -> Iterator[Asked]:
    clients: dict[str, Any] = {}
    for destination in destinations:
        region = region_of(settings, destination)
        client = clients.get(region)
        if client is None:
            client = clients[region] = settings.client(session, "kinesis", region, signed=False)
        asked: dict[str, dict[str, None]] = {}
        for operation, use in _OPERATIONS.items():
            asked.setdefault(_url_of(client, destination.data_stream, operation), {})[use] = None
        for url, uses in asked.items():
            yield Asked(url, "Kinesis" if len(asked) == 1 else f"Kinesis: {', '.join(uses)}")


def _url_of(client: Any, data_stream: str, operation: str) -> str:
    """By the public way to have a request made whole without sending it."""
    named = "StreamARN" if data_stream.startswith("arn:") else "StreamName"
    parts = urlsplit(client.generate_presigned_url(operation, Params={named: data_stream}))
    return f"{parts.scheme}://{parts.netloc}"


def _identity(session: Any, settings: PublisherSettings, destinations: Iterable[Destination]) -> Iterator[Asked]:
    yield from asked_by(session, settings.authentication, settings)
    if any(destination.role_arn for destination in destinations):
        yield Asked(endpoint_of(session, settings, "sts"), "STS: roles of outputs")
