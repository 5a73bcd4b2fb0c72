"""Authentication by roles that STS assumes: the types assume_role and web_identity, and the role of an output.

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
    """Return credentials of a role. `session` has the credentials with which the bridge assumes the role."""
    parameters = _common(settings)
    if "external_id" in settings:
        parameters["ExternalId"] = settings["external_id"]
    if settings.get("tags"):
        parameters["Tags"] = [{"Key": key, "Value": value} for key, value in settings["tags"].items()]

    def request() -> dict[str, Any]:
        # Each renewal creates a new client, so that it uses the current credentials of `session`.
        response: dict[str, Any] = endpoints.client(session, "sts").assume_role(**parameters)
        return response

    return _renewed("assume_role", request)


def web_identity(settings: Mapping[str, Any], endpoints: EndpointSettings, session: Any) -> Any:
    """Return credentials of a role that is assumed with an OIDC token.

    The token file is read at each renewal, because the issuer of the token replaces the file.
    """

    def request() -> dict[str, Any]:
        token = read_secret(Path(settings["token_file"]), "token_file")
        # The request is not signed, because the token proves the identity.
        client = endpoints.client(session, "sts", signed=False)
        response: dict[str, Any] = client.assume_role_with_web_identity(**_common(settings), WebIdentityToken=token)
        return response

    return _renewed("web_identity", request)


def _common(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "RoleArn": settings["role_arn"],
        "RoleSessionName": settings.get("session_name", SESSION_NAME),
        "DurationSeconds": settings.get("duration_secs", DURATION_SECS),
    }


def _renewed(method: str, request: Callable[[], dict[str, Any]]) -> Any:
    from bridge.aws.credentials.renewed_credentials import FetchedCredentials, RenewedCredentials  # noqa: PLC0415 - botocore is slow to import

    credentials = RenewedCredentials(method, lambda: FetchedCredentials.of(request()["Credentials"]))
    # Assume the role now, so that an error occurs here and not at the first request.
    credentials.get_frozen_credentials()
    return credentials
