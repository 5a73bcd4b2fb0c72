"""Authentication types with credentials of this machine: default, profile, ec2_role and process."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.aws.credentials.credential_errors import NO_INSTANCE_ROLE
from bridge.errors import Refused, SendError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.aws.client_factory import EndpointSettings
    from bridge.aws.credentials.refreshable import FetchedCredentials

PROCESS_SECS = 60.0


def shared_files() -> tuple[Path, ...]:
    """Return the paths of the shared files of the AWS command line.

    https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html
    """
    names = {"AWS_SHARED_CREDENTIALS_FILE": "credentials", "AWS_CONFIG_FILE": "config"}
    return tuple(
        Path(os.environ.get(variable) or Path("~/.aws") / name).expanduser() for variable, name in names.items()
    )


def default(_settings: Mapping[str, Any], _endpoints: EndpointSettings, session: Any) -> Any:
    """Load the credentials that the AWS command line would use: environment, shared files, container, instance."""
    return _found("default", session.get_credentials, _nothing_configured)


def profile(settings: Mapping[str, Any], _endpoints: EndpointSettings, session: Any) -> Any:
    """Load a named profile of the shared files, with everything it supports: keys, roles, single sign-on, processes."""
    session.set_config_variable("profile", settings["name"])
    return _found("profile", session.get_credentials, lambda: _no_such_profile(settings["name"]))


def ec2_role(_settings: Mapping[str, Any], _endpoints: EndpointSettings, session: Any) -> Any:
    """Load the role of this EC2 instance, by IMDSv2 only: version 1 serves any forged request from this machine."""
    from botocore.credentials import create_credential_resolver  # noqa: PLC0415 - botocore is slow to import

    session.set_config_variable("ec2_metadata_v1_disabled", True)
    provider = create_credential_resolver(session).get_provider("iam-role")
    return _found("ec2_role", provider.load, _no_instance_role)


def _found(method: str, load: Callable[[], Any], missing: Callable[[], SendError]) -> Any:
    from bridge.aws.credentials.credential_errors import failed  # noqa: PLC0415 - botocore is slow to import
    from bridge.aws.credentials.refreshable import WrappedCredentials  # noqa: PLC0415 - as above

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


def process(settings: Mapping[str, Any], _endpoints: EndpointSettings, _session: Any) -> Any:
    """Run a command and load the credentials that it prints.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
    """
    from bridge.aws.credentials.refreshable import RenewedCredentials  # noqa: PLC0415 - botocore is slow to import

    credentials = RenewedCredentials("process", lambda: _run(settings["command"]))
    # Run the command now, so that an error appears here and not at the first request.
    credentials.get_frozen_credentials()
    return credentials


def _run(command: str) -> FetchedCredentials:
    from bridge.aws.credentials.refreshable import FetchedCredentials  # noqa: PLC0415 - botocore is slow to import

    words = shlex.split(command)
    try:
        done = subprocess.run(words, capture_output=True, check=False, timeout=PROCESS_SECS)  # noqa: S603 - the user's own
    except subprocess.TimeoutExpired:
        raise Unavailable("Credentials", f"'{words[0]}' did not end within {PROCESS_SECS:.0f} s") from None
    except OSError as error:
        hint = "fix command in kinesis.authentication; use the program's full path"
        raise Refused("Credentials", f"'{words[0]}' cannot be run: {error.strerror}", hint) from None
    if done.returncode:
        # Neither output is shown: both may hold secrets.
        raise Unavailable("Credentials", f"'{words[0]}' ended with {done.returncode}; run it manually to see why")
    try:
        answer = json.loads(done.stdout)
        by_version = {1: answer}
        return FetchedCredentials.of(by_version[answer["Version"]])
    except (ValueError, KeyError, TypeError):
        expected = '{"Version": 1, "AccessKeyId": ..., "SecretAccessKey": ..., "SessionToken": ..., "Expiration": ...}'
        hint = f"the command must print JSON as {expected}; only SessionToken and Expiration may be omitted"
        raise Refused("Credentials", f"the output of '{words[0]}' is not credentials", hint) from None
