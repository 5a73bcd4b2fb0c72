"""URLs that each type of authentication calls for credentials. Nothing is sent.

The types `default` and `profile` do what the AWS command line does, so their URLs are derived from the same settings:
https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
"""

from __future__ import annotations

import os
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bridge.aws.client_factory import Reach
    from bridge.aws.credentials.authentication import Authentication

_INSTANCE, _INSTANCE_IPV6 = "http://169.254.169.254", "http://[fd00:ec2::254]"
_CONTAINER = "http://169.254.170.2"
_MOST_PROFILES = 16
"""Max number of profiles in a chain: a longer chain contains a cycle."""


class Asked(NamedTuple):
    """URL (scheme, host and port), and its use."""

    url: str
    use: str


def asked_by(session: Any, authentication: Authentication, reach: Reach) -> Iterator[Asked]:
    """Yield the URLs that a type calls, its source's first. `session` is a botocore session without credentials.

    The URLs of a command (`process`, or in a profile) are unknown and missing here.
    """
    if authentication.source is not None:
        yield from asked_by(session, authentication.source, reach)
    yield from _ASKED.get(authentication.type, _nothing)(session, authentication.settings, reach)


def _nothing(_session: Any, _settings: Mapping[str, Any], _reach: Reach) -> Iterator[Asked]:
    return iter(())


def _role(session: Any, _settings: Mapping[str, Any], reach: Reach) -> Iterator[Asked]:
    yield Asked(endpoint_of(session, reach, "sts"), "STS: credentials of the role")


def endpoint_of(session: Any, reach: Reach, service: str) -> str:
    """Return the URL of a service in the configuration's region, as the bridge's own clients call it."""
    return str(reach.client(session, service, signed=False).meta.endpoint_url)


def _iot(_session: Any, settings: Mapping[str, Any], _reach: Reach) -> Iterator[Asked]:
    yield Asked(f"https://{settings['endpoint']}", "AWS IoT: credentials for the certificate")


def _roles_anywhere(session: Any, settings: Mapping[str, Any], reach: Reach) -> Iterator[Asked]:
    yield Asked(anywhere_url(session, settings, reach), "IAM Roles Anywhere: credentials for the certificate")


def anywhere_url(session: Any, settings: Mapping[str, Any], reach: Reach) -> str:
    """Return the URL in the trust anchor's region, as the library resolves it: FIPS if configured, never dual stack."""
    if "endpoint" in settings:
        return f"https://{settings['endpoint']}"
    return _botocores(session, "rolesanywhere", settings["trust_anchor_arn"].split(":")[3], fips=reach.fips)


def _instance(session: Any, _settings: Mapping[str, Any], _reach: Reach) -> Iterator[Asked]:
    from botocore.utils import resolve_imds_endpoint_mode  # noqa: PLC0415 - botocore is slow to import

    usual = _INSTANCE_IPV6 if resolve_imds_endpoint_mode(session) == "ipv6" else _INSTANCE
    url = session.get_config_variable("ec2_metadata_service_endpoint") or usual
    yield Asked(_root(url), "this instance's metadata: its role (not beyond this machine's own firewall)")


def _default(session: Any, _settings: Mapping[str, Any], reach: Reach) -> Iterator[Asked]:
    """Yield the URLs of the default chain, in its order. The container's or instance's role is last in the chain."""
    if os.environ.get("AWS_ACCESS_KEY_ID"):
        return
    if os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE") and os.environ.get("AWS_ROLE_ARN"):
        yield Asked(_sts_of(session), "STS: credentials of the role")
        return
    name = session.get_config_variable("profile") or "default"
    if name in session.full_config.get("profiles", {}) and (_usable(session.full_config["profiles"][name])):
        yield from _of_profile(session, name, reach)
    elif url := _container_url():
        yield Asked(url, "this container's credentials")
    else:
        yield from _instance(session, {}, reach)


def _usable(profile: Mapping[str, Any]) -> bool:
    """Return whether a profile can provide credentials; region and output format alone cannot."""
    given = ("aws_access_key_id", "role_arn", "sso_session", "sso_start_url", "credential_process")
    return any(name in profile for name in given)


def _profile(session: Any, settings: Mapping[str, Any], reach: Reach) -> Iterator[Asked]:
    from botocore.session import get_session  # noqa: PLC0415 - botocore is slow to import

    own = get_session()
    own.register_component("data_loader", session.get_component("data_loader"))  # slow to create, so it is shared
    own.set_config_variable("profile", settings["name"])
    yield from _of_profile(own, settings["name"], reach)


def _of_profile(session: Any, name: str, reach: Reach) -> Iterator[Asked]:
    config = session.full_config
    for _ in range(_MOST_PROFILES):
        profile = config.get("profiles", {}).get(name, {})
        if "role_arn" in profile:
            yield Asked(_sts_of(session), f"STS: credentials of the role of profile {name}")
        if "sso_session" in profile or "sso_start_url" in profile:
            shared = config.get("sso_sessions", {}).get(profile.get("sso_session"), {})
            yield from _single_sign_on(session, {**shared, **profile})
        source = profile.get("credential_source", "")
        if source == "Ec2InstanceMetadata":
            yield from _instance(session, {}, reach)
        if source == "EcsContainer" and (url := _container_url()):
            yield Asked(url, "this container's credentials")
        following = profile.get("source_profile", name)
        if following == name:
            return
        name = following


def _sts_of(session: Any) -> str:
    """Return the STS URL that botocore calls for a profile: in that profile's region."""
    return _botocores(session, "sts", None)


def _single_sign_on(session: Any, settings: Mapping[str, Any]) -> Iterator[Asked]:
    region = settings.get("sso_region")
    yield Asked(_botocores(session, "sso", region), "single sign-on: credentials")
    if "sso_session" in settings:
        yield Asked(_botocores(session, "sso-oidc", region), "single sign-on: renewing its token")


def _botocores(session: Any, service: str, region: str | None, *, fips: bool = False) -> str:
    from botocore import UNSIGNED  # noqa: PLC0415 - botocore is slow to import
    from botocore.config import Config  # noqa: PLC0415 - as above

    config = Config(use_fips_endpoint=fips or None, signature_version=UNSIGNED)
    return str(session.create_client(service, region_name=region, config=config).meta.endpoint_url)


def _container_url() -> str:
    whole = os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")
    return _root(whole) if whole else _CONTAINER if os.environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") else ""


def _root(url: str) -> str:
    return "/".join(url.split("/")[:3])


_ASKED: Mapping[str, Callable[[Any, Mapping[str, Any], Reach], Iterator[Asked]]] = MappingProxyType(
    {
        "assume_role": _role,
        "web_identity": _role,
        "iot": _iot,
        "roles_anywhere": _roles_anywhere,
        "ec2_role": _instance,
        "default": _default,
        "profile": _profile,
    }
)
