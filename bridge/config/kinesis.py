"""`kinesis`: the destination of records, and the connection to AWS."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, SecretStr

from bridge.config.authentication import Authentication, Default
from bridge.ingest.manifest_writer import ManifestSettings  # noqa: TC001 - pydantic reads the annotations
from bridge.model import REGION
from bridge.yaml_files import Describe
from bridge.yaml_files.option_types import ExistingFile, Section, Size, size_between


def _endpoint_url(url: str) -> str:
    """Return the endpoint URL if it is valid. The ValueError does not quote the URL, which may contain a password."""
    expected = "expected https://host or http://host, with :port where needed"
    try:
        # `port` raises ValueError for a port that is not a number, or is above 65535.
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"{expected}; the host or port cannot be read") from None
    if parts.scheme not in ("http", "https") or not host or port == 0 or any(character.isspace() for character in url):
        raise ValueError(expected)
    # Requests are signed, so credentials in the URL have no purpose. A query would become a part of every request.
    if "@" in url or parts.query or parts.fragment:
        raise ValueError(f"{expected}, and no credentials or query")
    return url


def _proxy_url(url: SecretStr) -> SecretStr:
    """Return the proxy URL if it is valid. The ValueError does not quote the URL, which may contain a password."""
    expected = (
        "expected http://host:port or https://host:port, with user:password@ before the host if it requires a login"
    )
    try:
        parts = urlsplit(url.get_secret_value())
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"{expected}; the host or port cannot be read") from None
    if parts.scheme not in ("http", "https") or not host or port == 0 or parts.path.strip("/") or parts.query:
        raise ValueError(expected)
    # The Proxy-Authorization header has no reliable encoding for characters outside ASCII (RFC 7617, section 2.1).
    if not unquote(f"{parts.username}{parts.password}").isascii():
        raise ValueError(f"{expected}; user and password in ASCII, other characters cannot be sent to a proxy")
    return url


EndpointUrl = Annotated[str, AfterValidator(_endpoint_url), Describe("a URL as https://host")]
MIN_UPLINK_BYTES = 1000
"""Minimum of `max_bytes_per_sec`."""


class KinesisSettings(Section):
    """Region, authentication, and limits of sending."""

    region: Annotated[str, Describe("an AWS region, such as us-east-1")] = Field(
        pattern=REGION, description="AWS region of the data streams"
    )
    authentication: Authentication = Field(
        default=Default(type="default"), description="a `type`, and the settings of this type"
    )
    endpoint_url: EndpointUrl | None = Field(
        default=None,
        description="another endpoint: a VPC endpoint, or a local Kinesis; `{region}` in it stands for the region of "
        "each output",
    )
    sts_endpoint_url: EndpointUrl | None = Field(
        default=None, description="another endpoint of STS, which provides the credentials of roles"
    )
    fips: bool = Field(default=False, description="use AWS's FIPS endpoints")
    dual_stack: bool = Field(default=False, description="use AWS's dual-stack endpoints, which support IPv4 and IPv6")
    proxy_url: Annotated[SecretStr, AfterValidator(_proxy_url), Describe("a URL as http://host:port")] | None = Field(
        default=None,
        description="HTTP(S) proxy for requests to AWS; secret, because it may contain a password; default: from the "
        "environment (HTTPS_PROXY, NO_PROXY)",
    )
    ca_file: ExistingFile | None = Field(
        default=None,
        description="CA certificates to trust (PEM), such as the certificate of a proxy that intercepts TLS",
    )
    backlog: Literal["oldest_first", "live_first"] = Field(
        default="oldest_first",
        description="order after an outage. `oldest_first`: all records in order. `live_first`: new records first, and "
        "then the backlog, marked as late in the envelopes; outputs with strict `order` ignore `live_first`",
    )
    max_bytes_per_sec: Annotated[Size, size_between(MIN_UPLINK_BYTES)] | None = Field(
        default=None,
        description="maximum bytes per second to all streams together, for a link that other programs use too",
    )
    manifest: ManifestSettings | None = Field(
        default=None, description="write manifests of the delivered records to a data stream; see `prove`"
    )
    requests_in_flight: int = Field(
        default=16,
        ge=1,
        le=32,
        description="maximum number of PutRecords requests in flight to one endpoint, for all its streams together; "
        "the bridge uses only as many as the link and the latency require",
    )
    linger_ms: int = Field(
        default=100,
        ge=0,
        le=60_000,
        description="maximum time that a record waits for further records, to send them in one request; "
        "after a pause of this length, a record is sent at once",
    )

    @property
    def live_first(self) -> bool:
        """True if new records are sent before the backlog."""
        return self.backlog == "live_first"
