"""Authentication `type: process`: a command that prints credentials.

https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shlex
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

from bridge.child_environment import child_environment
from bridge.errors import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.aws.client_factory import EndpointSettings
    from bridge.aws.credentials.renewed_credentials import FetchedCredentials

PROCESS_SECS = 60.0
MAX_OUTPUT_BYTES = 256 * 1024
_NETWORK = frozenset(
    {
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    }
)


def process(settings: Mapping[str, Any], _endpoints: EndpointSettings, _session: Any) -> Any:
    """Run a command, and return the credentials that it prints. Raise SendError."""
    from bridge.aws.credentials.renewed_credentials import RenewedCredentials  # noqa: PLC0415 - botocore is slow to import

    names = settings.get("environment", ())
    credentials = RenewedCredentials("process", lambda: _run(settings["command"], names))
    # Run the command now, so that an error occurs here and not at the first request.
    credentials.get_frozen_credentials()
    return credentials


def _run(command: str, names: tuple[str, ...]) -> FetchedCredentials:
    from bridge.aws.credentials.renewed_credentials import FetchedCredentials  # noqa: PLC0415 - botocore is slow to import

    words = shlex.split(command)
    output = _output_of(words, child_environment(_NETWORK.union(names), ("AWS_",)))
    try:
        credentials = json.loads(output)
        # 1 is the only version so far. For another version, the look-up raises KeyError.
        by_version = {1: credentials}
        return FetchedCredentials.of(by_version[credentials["Version"]])
    except (ValueError, KeyError, TypeError, RecursionError):
        expected = '{"Version": 1, "AccessKeyId": ..., "SecretAccessKey": ..., "SessionToken": ..., "Expiration": ...}'
        hint = f"the command must print JSON as {expected}; only SessionToken and Expiration may be omitted"
        raise Refused("Credentials", f"the output of '{words[0]}' is not credentials", hint) from None


def _output_of(words: list[str], environment: dict[str, str]) -> bytes:
    """Run a command, and return its output.

    The command and its children are always ended, even if this function raises Unavailable or Refused.
    """
    try:
        # In a new session, the children of the command can be ended together with the command. Signals for the bridge
        # do not reach the command.
        child = subprocess.Popen(  # noqa: S603 - the user's own command
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        hint = "fix command in kinesis.authentication; use the program's full path"
        raise Refused("Credentials", f"'{words[0]}' cannot be run: {error.strerror}", hint) from None
    end = time.monotonic() + PROCESS_SECS
    with child:
        try:
            output = _read(child, words[0], end)
            status = child.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise Unavailable("Credentials", f"'{words[0]}' did not end within {PROCESS_SECS:.0f} s") from None
        finally:
            with contextlib.suppress(OSError):
                # The process ID is also the ID of the process group, because the command runs in a new session.
                os.killpg(child.pid, signal.SIGKILL)
    if status:
        # The output is not shown, because it may contain secrets.
        raise Unavailable("Credentials", f"'{words[0]}' ended with {status}; run it manually to see why")
    return output


def _read(child: subprocess.Popen[bytes], name: str, end: float) -> bytes:
    """Return the complete output. Raise TimeoutExpired when the monotonic clock reaches `end`."""
    assert child.stdout is not None  # noqa: S101 - it is a pipe
    descriptor, output = child.stdout.fileno(), bytearray()
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    while poller.poll(max(0.0, end - time.monotonic()) * 1000):
        data = os.read(descriptor, 65536)
        if not data:
            return bytes(output)
        output += data
        if len(output) > MAX_OUTPUT_BYTES:
            hint = "the command must print credentials only"
            raise Refused("Credentials", f"'{name}' prints more than {MAX_OUTPUT_BYTES:,} bytes", hint)
    raise subprocess.TimeoutExpired(name, PROCESS_SECS)
