"""URLs that each type of authentication calls for credentials. Nothing is sent.

The types in UNLISTED depend on files and programs of this machine that this program does not interpret.
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
"""Types whose URLs are unknown."""


class EndpointUse(NamedTuple):
    """URL (scheme, host and port), and its use."""

    url: str
    use: str


def endpoints_used(session: Any, authentication: Authentication, endpoints: EndpointSettings) -> Iterator[EndpointUse]:
    """Yield the URLs that a type calls, starting with those of its source.

    Types in UNLISTED have none. `session` is a botocore session without credentials.
    """
    if authentication.source is not None:
        yield from endpoints_used(session, authentication.source, endpoints)
    yield from _USES.get(authentication.type, _no_endpoints)(session, authentication.settings, endpoints)


def unlisted_types(authentication: Authentication | None) -> list[str]:
    """Return the types in UNLISTED among an authentication and its sources."""
    if authentication is None:
        return []
    below = unlisted_types(authentication.source)
    return [authentication.type, *below] if authentication.type in UNLISTED else below


def _no_endpoints(_session: Any, _settings: Mapping[str, Any], _endpoints: EndpointSettings) -> Iterator[EndpointUse]:
    return iter(())


def _role(session: Any, _settings: Mapping[str, Any], endpoints: EndpointSettings) -> Iterator[EndpointUse]:
    yield EndpointUse(endpoint_of(session, endpoints, "sts"), "STS: credentials of the role")


def endpoint_of(session: Any, endpoints: EndpointSettings, service: str) -> str:
    """Return the URL of a service in the configuration's region, as the bridge's own clients call it."""
    return str(endpoints.client(session, service, signed=False).meta.endpoint_url)


def _iot(_session: Any, settings: Mapping[str, Any], _endpoints: EndpointSettings) -> Iterator[EndpointUse]:
    yield EndpointUse(f"https://{settings['endpoint']}", "AWS IoT: credentials for the certificate")


def _roles_anywhere(session: Any, settings: Mapping[str, Any], endpoints: EndpointSettings) -> Iterator[EndpointUse]:
    yield EndpointUse(anywhere_url(session, settings, endpoints), "IAM Roles Anywhere: credentials for the certificate")


def anywhere_url(session: Any, settings: Mapping[str, Any], endpoints: EndpointSettings) -> str:
    """Return the URL in the trust anchor's region by the library's rules: FIPS if configured, never dual stack."""
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
        "/".join(url.split("/")[:3]), "this instance's metadata: its role (not beyond this machine's own firewall)"
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
