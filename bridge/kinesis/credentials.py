"""The types of `kinesis.authentication`: each is one entry of `AUTHENTICATION`, which prepares a botocore session.

Credentials that expire are renewed by botocore itself, before they do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bridge.errors import Refused, SendError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Authentication:
    """One authentication `type` and the settings of that type, by their names in the configuration."""

    type: str = "default"
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class AuthenticationType:
    """`prepare(session, settings)` gives a botocore session its credentials; `missing` is raised if it finds none."""

    prepare: Callable[[Any, Mapping[str, str]], None]
    missing: Callable[[], SendError]


def authenticated_session(authentication: Authentication) -> Any:
    """A botocore session with credentials of this type.

    Raises Unavailable or Refused where there are none at present.
    """
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - takes a quarter second, and `check` needs none of it
    from botocore.session import get_session  # noqa: PLC0415 - as above

    from bridge.kinesis.network import network_error  # noqa: PLC0415 - as above

    kind = AUTHENTICATION[authentication.type]
    session = get_session()
    try:
        kind.prepare(session, authentication.settings)
        found = session.get_credentials()
    except BotoCoreError as error:
        raise network_error(error) from error
    if found is None:
        raise kind.missing()
    return session


def _token(session: Any, settings: Mapping[str, str]) -> None:
    session.set_credentials(
        settings["access_key_id"], settings["secret_access_key"], settings.get("session_token") or None
    )


def _ec2_role(session: Any, _settings: Mapping[str, str]) -> None:
    """The role of this EC2 instance, by IMDSv2 only: version 1 answers to any forged request from this machine."""
    from botocore.credentials import CredentialResolver, create_credential_resolver  # noqa: PLC0415 - as above

    session.set_config_variable("ec2_metadata_v1_disabled", True)
    provider = create_credential_resolver(session).get_provider("iam-role")
    session.register_component("credential_provider", CredentialResolver([provider]))


def _default(_session: Any, _settings: Mapping[str, str]) -> None:
    """What the AWS command line would use: environment, shared files, container, instance."""


def _no_instance_role() -> SendError:
    return Unavailable(
        "NoCredentials",
        "the instance metadata service (IMDSv2) gives no credentials: is this an EC2 instance with a role attached?",
    )


def _nothing_configured() -> SendError:
    hint = (
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile, or choose another kinesis.authentication type"
    )
    return Refused("NoCredentials", "nothing in the AWS credential chain of this machine", hint)


AUTHENTICATION: Mapping[str, AuthenticationType] = MappingProxyType(
    {
        "token": AuthenticationType(_token, _nothing_configured),
        "ec2_role": AuthenticationType(_ec2_role, _no_instance_role),
        "default": AuthenticationType(_default, _nothing_configured),
    }
)
