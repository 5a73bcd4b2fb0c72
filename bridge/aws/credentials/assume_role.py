"""Roles assumed by STS: assume_role, web_identity, and the role of an output.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.aws.credentials.static_keys import read_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.aws.client_factory import EndpointSettings

SESSION_NAME = "mqtt-kinesis"
DURATION_SECS = 3600


def assume_role(settings: Mapping[str, Any], endpoints: EndpointSettings, session: Any) -> Any:
    """Assume a role. `session` has the credentials of the source."""
    parameters = _common(settings)
    if "external_id" in settings:
        parameters["ExternalId"] = settings["external_id"]
    if settings.get("tags"):
        parameters["Tags"] = [{"Key": key, "Value": value} for key, value in settings["tags"].items()]

    def ask() -> dict[str, Any]:
        # A new client for each renewal: it uses the current credentials of the source.
        answer: dict[str, Any] = endpoints.client(session, "sts").assume_role(**parameters)
        return answer

    return _renewed("assume_role", ask)


def web_identity(settings: Mapping[str, Any], endpoints: EndpointSettings, session: Any) -> Any:
    """Assume a role with an OIDC token. The token file is read at each renewal, because its issuer replaces it."""

    def ask() -> dict[str, Any]:
        token = read_secret(Path(settings["token_file"]), "token_file")
        # The request is not signed, because the token itself is the credential.
        client = endpoints.client(session, "sts", signed=False)
        answer: dict[str, Any] = client.assume_role_with_web_identity(**_common(settings), WebIdentityToken=token)
        return answer

    return _renewed("web_identity", ask)


def _common(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "RoleArn": settings["role_arn"],
        "RoleSessionName": settings.get("session_name", SESSION_NAME),
        "DurationSeconds": settings.get("duration_secs", DURATION_SECS),
    }


def _renewed(method: str, ask: Callable[[], dict[str, Any]]) -> Any:
    from bridge.aws.credentials.refreshable import FetchedCredentials, RenewedCredentials  # noqa: PLC0415 - botocore is slow to import

    credentials = RenewedCredentials(method, lambda: FetchedCredentials.of(ask()["Credentials"]))
    # Assume the role now, so that an error occurs here and not at the first request.
    credentials.get_frozen_credentials()
    return credentials
