"""Authentication types that use credentials of this machine: default, profile and ec2_role."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.aws.credentials.credential_errors import NO_INSTANCE_ROLE
from bridge.errors import Refused, SendError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.aws.client_factory import EndpointSettings


def shared_files() -> tuple[Path, ...]:
    """Return the paths of the configuration files that the AWS command line and all SDKs share.

    https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html
    """
    names = {"AWS_SHARED_CREDENTIALS_FILE": "credentials", "AWS_CONFIG_FILE": "config"}
    return tuple(
        Path(os.environ.get(variable) or Path("~/.aws") / name).expanduser() for variable, name in names.items()
    )


def default(_settings: Mapping[str, Any], _endpoints: EndpointSettings, session: Any) -> Any:
    """Return the credentials that the AWS command line would use.

    They come from the environment, the shared files, the container or the EC2 instance.
    """
    return _found("default", lambda: _chain(session), _nothing_configured)


def profile(settings: Mapping[str, Any], _endpoints: EndpointSettings, session: Any) -> Any:
    """Return the credentials of a named profile in the shared files: keys, a role, single sign-on or a process."""
    session.set_config_variable("profile", settings["name"])
    return _found("profile", lambda: _chain(session), lambda: _no_such_profile(settings["name"]))


def ec2_role(_settings: Mapping[str, Any], _endpoints: EndpointSettings, session: Any) -> Any:
    """Return the credentials of this EC2 instance's role, from version 2 of the metadata service (IMDSv2).

    Version 1 is not used, because it also responds to forged requests.
    """
    from botocore.credentials import create_credential_resolver  # noqa: PLC0415 - botocore is slow to import

    from bridge.aws.bounded_session import bound_metadata  # noqa: PLC0415 - as above

    session.set_config_variable("ec2_metadata_v1_disabled", True)
    resolver = create_credential_resolver(session)
    bound_metadata(resolver)
    return _found("ec2_role", resolver.get_provider("iam-role").load, _no_instance_role)


def _chain(session: Any) -> Any:
    """Return the credentials that botocore's credential chain finds, with limits on metadata responses."""
    from bridge.aws.bounded_session import bound_metadata  # noqa: PLC0415 - botocore is slow to import

    resolver = session.get_component("credential_provider")
    bound_metadata(resolver)
    return resolver.load_credentials()


def _found(method: str, load: Callable[[], Any], missing: Callable[[], SendError]) -> Any:
    from bridge.aws.credentials.credential_errors import failed  # noqa: PLC0415 - botocore is slow to import
    from bridge.aws.credentials.renewed_credentials import WrappedCredentials  # noqa: PLC0415 - as above

    try:
        found = load()
    except Exception as error:
        raise failed(error, method) from error
    if found is None:
        raise missing()
    return WrappedCredentials(method, found)


def _nothing_configured() -> SendError:
    hint = (
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile, or choose another kinesis.authentication type"
    )
    return Refused("NoCredentials", "nothing in the AWS credential chain of this machine", hint)


def _no_such_profile(name: str) -> SendError:
    files = " and ".join(map(str, shared_files()))
    return Refused("NoCredentials", f"profile '{name}' provides no credentials", f"add it to {files}")


def _no_instance_role() -> SendError:
    return Unavailable("NoCredentials", NO_INSTANCE_ROLE)
