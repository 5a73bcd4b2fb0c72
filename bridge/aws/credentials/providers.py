"""Types of `kinesis.authentication`. Each type is one entry of `AUTHENTICATION`."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bridge.aws.credentials import assume_role, certificates, local_sources, process, static_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.aws.client_factory import EndpointSettings
    from bridge.aws.credentials.authentication import Authentication


Load = "Callable[[Mapping[str, Any], EndpointSettings, Any], Any]"
"""Function from (settings, endpoints, session) to credentials.

`session` has the credentials of `Authentication.source`. Without a source, it has no credentials.
"""

AUTHENTICATION: Mapping[str, Callable[[Mapping[str, Any], EndpointSettings, Any], Any]] = MappingProxyType(
    {
        "token": static_keys.load,
        "ec2_role": local_sources.ec2_role,
        "default": local_sources.default,
        "profile": local_sources.profile,
        "process": process.process,
        "assume_role": assume_role.assume_role,
        "web_identity": assume_role.web_identity,
        "iot": certificates.iot,
        "roles_anywhere": certificates.roles_anywhere,
    }
)


def authenticated_session(authentication: Authentication, endpoints: EndpointSettings) -> Any:
    """Return a botocore session with credentials of an authentication.

    Raise Unavailable or Refused if there are no credentials now.
    """
    source = authenticated_session(authentication.source, endpoints) if authentication.source else _session()
    load = partial(AUTHENTICATION[authentication.type], authentication.settings, endpoints, source)
    return session_with(load())


def session_with(credentials: Any) -> Any:
    """Return a botocore session that signs with these credentials."""
    from botocore.credentials import CredentialProvider, CredentialResolver  # noqa: PLC0415 - slow to import

    class Given(CredentialProvider):  # type: ignore[misc]  # botocore has no types
        METHOD = "mqtt-kinesis"

        def load(self) -> Any:
            return credentials

    session = _session()
    session.register_component("credential_provider", CredentialResolver([Given()]))
    return session


def _session() -> Any:
    from botocore.session import get_session  # noqa: PLC0415 - the import takes a quarter of a second, and `check` does not need it

    return get_session()
