"""Factory of the botocore clients of all AWS services. No other module creates clients."""

from __future__ import annotations

import os
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any

from bridge.aws.transport.timeouts import TransportTimeouts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.model import Destination

REGION_PLACEHOLDER = "{region}"


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """Region, endpoints, and the settings of the network connections to them.

    `endpoint_url` may contain `{region}`, which is replaced by the name of the region. A URL without `{region}` is used
    for all regions. `TransportTimeouts` documents the time-outs. Only clients of Kinesis use the bridge's transport.
    For all other clients, `answer_timeout_secs` is the read time-out of botocore.
    """

    region: str
    _: KW_ONLY
    endpoint_url: str | None = None
    sts_endpoint_url: str | None = None
    fips: bool = False
    dual_stack: bool = False
    proxy_url: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    max_connections: int = 16
    connect_timeout_secs: float = 5.0
    stall_timeout_secs: float = 30.0
    answer_timeout_secs: float = 30.0

    @property
    def proxies(self) -> dict[str, str] | None:
        """Proxies by URL scheme, in botocore's format; None if botocore should use the proxies of the environment."""
        return {"http": self.proxy_url, "https": self.proxy_url} if self.proxy_url else None

    def proxies_for(self, url: str) -> Mapping[str, str]:
        """Return the proxies for a URL, by scheme. Without a configured proxy, return those of the environment."""
        from botocore.utils import get_environ_proxies  # noqa: PLC0415 - botocore is slow to import

        found: Mapping[str, str] = self.proxies or get_environ_proxies(url)
        return found

    @property
    def trusted(self) -> str:
        """Path of the file with the CA certificates for AWS, selected by botocore's rules."""
        from botocore.httpsession import get_cert_path  # noqa: PLC0415 - botocore is slow to import
        from botocore.session import get_session  # noqa: PLC0415 - as above

        given = self.ca_file or get_session().get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
        return str(given or get_cert_path(verify=True))

    @property
    def timeouts(self) -> TransportTimeouts:
        """Time-outs of the transport for Kinesis."""
        return TransportTimeouts(self.connect_timeout_secs, self.stall_timeout_secs, self.answer_timeout_secs)

    def endpoint(self, service: str, region: str) -> str | None:
        """Return the configured endpoint URL of a service; None if AWS's own endpoint is used."""
        given = {"kinesis": self.endpoint_url, "sts": self.sts_endpoint_url}.get(service)
        return given.replace(REGION_PLACEHOLDER, region) if given else None

    def client(self, session: Any, service: str, region: str = "", *, signed: bool = True) -> Any:
        """Return a botocore client that does not retry requests.

        Instead, the bridge's sender retries, because it knows the result of each record, and can be stopped.
        """
        from botocore import UNSIGNED  # noqa: PLC0415 - botocore is slow to import
        from botocore.config import Config  # noqa: PLC0415 - as above

        config = Config(
            retries={"total_max_attempts": 1},
            parameter_validation=False,  # slow and unnecessary: the mapping has already checked the limits of Kinesis
            max_pool_connections=self.max_connections,
            connect_timeout=self.connect_timeout_secs,
            read_timeout=self.answer_timeout_secs,
            tcp_keepalive=True,
            user_agent_extra="mqtt-kinesis",
            use_fips_endpoint=self.fips or None,
            use_dualstack_endpoint=self.dual_stack or None,
            proxies=self.proxies,
            signature_version=None if signed else UNSIGNED,
        )
        # The global endpoint of STS would depend on a single region.
        session.set_config_variable("sts_regional_endpoints", "regional")
        client = session.create_client(
            service,
            region_name=region or self.region,
            endpoint_url=self.endpoint(service, region or self.region),
            verify=self.ca_file,
            config=config,
        )
        # The transport for Kinesis limits responses itself: see `bridge.aws.transport`.
        if service != "kinesis":
            self._limit_responses(client)
        return client

    def _limit_responses(self, client: Any) -> None:
        from bridge.aws.bounded_session import install  # noqa: PLC0415 - botocore is slow to import

        install(
            client,
            verify=self.trusted,
            proxies=self.proxies_for(client.meta.endpoint_url),
            timeout=(self.connect_timeout_secs, self.answer_timeout_secs),
        )


def region_of(endpoints: EndpointSettings, destination: Destination) -> str:
    """Return the region of an output: its option `region`, or the region in the stream's ARN, or `kinesis.region`."""
    return destination.region or _region_of_arn(destination.data_stream) or endpoints.region


def _region_of_arn(data_stream: str) -> str:
    return data_stream.split(":")[3] if data_stream.startswith("arn:") else ""
