"""URLs that each authentication type calls to get credentials. This module sends no requests.

The types in UNLISTED depend on files and programs of this machine, which the bridge does not interpret.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bridge.aws.client_factory import EndpointSettings
    from bridge.aws.credentials.authentication import Authentication

_INSTANCE, _INSTANCE_IPV6 = "http://169.254.169.254", "http://[fd00:ec2::254]"

UNLISTED = frozenset({"default", "profile", "process"})
"""Authentication types whose URLs are unknown."""


class EndpointUse(NamedTuple):
    """URL with scheme, host and port, and the purpose of the requests to it."""

    url: str
    use: str


def endpoints_used(session: Any, authentication: Authentication, endpoints: EndpointSettings) -> Iterator[EndpointUse]:
    """Yield the URLs that an authentication calls: first the URLs of its source, then its own.

    Types in UNLISTED yield no URLs. `session` is a botocore session without credentials.
    """
    if authentication.source is not None:
        yield from endpoints_used(session, authentication.source, endpoints)
    yield from _USES.get(authentication.type, _no_endpoints)(session, authentication.settings, endpoints)


def unlisted_types(authentication: Authentication | None) -> list[str]:
    """Return the types in UNLISTED that an authentication and its sources use."""
    if authentication is None:
        return []
    below = unlisted_types(authentication.source)
    return [authentication.type, *below] if authentication.type in UNLISTED else below


def _no_endpoints(_session: Any, _settings: Mapping[str, Any], _endpoints: EndpointSettings) -> Iterator[EndpointUse]:
    return iter(())


def _role(session: Any, _settings: Mapping[str, Any], endpoints: EndpointSettings) -> Iterator[EndpointUse]:
    yield EndpointUse(endpoint_of(session, endpoints, "sts"), "STS: credentials of the role")


def endpoint_of(session: Any, endpoints: EndpointSettings, service: str) -> str:
    """Return the URL of a service in the configured region, which the bridge's clients also use."""
    return str(endpoints.client(session, service, signed=False).meta.endpoint_url)


def _iot(_session: Any, settings: Mapping[str, Any], _endpoints: EndpointSettings) -> Iterator[EndpointUse]:
    yield EndpointUse(f"https://{settings['endpoint']}", "AWS IoT: credentials for the certificate")


def _roles_anywhere(session: Any, settings: Mapping[str, Any], endpoints: EndpointSettings) -> Iterator[EndpointUse]:
    yield EndpointUse(anywhere_url(session, settings, endpoints), "IAM Roles Anywhere: credentials for the certificate")


def anywhere_url(session: Any, settings: Mapping[str, Any], endpoints: EndpointSettings) -> str:
    """Return the URL of IAM Roles Anywhere that the library uses, in the trust anchor's region.

    The library uses a FIPS endpoint if this is configured, but never a dual-stack endpoint.
    """
    from botocore import UNSIGNED  # noqa: PLC0415 - botocore is slow to import
    from botocore.config import Config  # noqa: PLC0415 - as above

    if "endpoint" in settings:
        return f"https://{settings['endpoint']}"
    region = settings["trust_anchor_arn"].split(":")[3]
    config = Config(use_fips_endpoint=endpoints.fips or None, signature_version=UNSIGNED)
    return str(session.create_client("rolesanywhere", region_name=region, config=config).meta.endpoint_url)


def _instance(session: Any, _settings: Mapping[str, Any], _endpoints: EndpointSettings) -> Iterator[EndpointUse]:
    from botocore.utils import resolve_imds_endpoint_mode  # noqa: PLC0415 - botocore is slow to import

    usual = _INSTANCE_IPV6 if resolve_imds_endpoint_mode(session) == "ipv6" else _INSTANCE
    url = session.get_config_variable("ec2_metadata_service_endpoint") or usual
    yield EndpointUse(
        "/".join(url.split("/")[:3]), "this instance's metadata: its role (only this machine's own firewall matters)"
    )


_USES: Mapping[str, Callable[[Any, Mapping[str, Any], EndpointSettings], Iterator[EndpointUse]]] = MappingProxyType(
    {
        "assume_role": _role,
        "web_identity": _role,
        "iot": _iot,
        "roles_anywhere": _roles_anywhere,
        "ec2_role": _instance,
    }
)
