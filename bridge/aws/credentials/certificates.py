"""Authentication by an X.509 certificate: AWS IoT (type iot), and IAM Roles Anywhere (type roles_anywhere).

https://docs.aws.amazon.com/iot/latest/developerguide/authorizing-direct-aws.html
https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-create-session.html
"""

from __future__ import annotations

import json
import ssl
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bridge.aws.credentials.credential_endpoints import anywhere_url
from bridge.aws.error_codes import RETRIABLE_CLIENT_ERRORS, SERVER_ERROR, permission_hint, shortened
from bridge.errors import Refused, SendError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.aws.client_factory import EndpointSettings
    from bridge.aws.credentials.renewed_credentials import FetchedCredentials

OK = 200
CREATED = 201
_IOT_HINTS: Mapping[int, str] = MappingProxyType(
    {
        400: "check thing_name and role_alias, and that the certificate is attached to that thing",
        403: "the certificate must be registered in AWS IoT and ACTIVE, its policy must allow "
        "iot:AssumeRoleWithCertificate on the role alias, and the role must trust credentials.iot.amazonaws.com",
        404: "create the role alias in AWS IoT, or fix role_alias or endpoint in kinesis.authentication",
    }
)
_ANYWHERE_HINT = (
    "the certificate must be signed by the trust anchor's CA and not be revoked or expired, the profile must be "
    "enabled and contain the role, and the role must trust rolesanywhere.amazonaws.com"
)


def iot(settings: Mapping[str, Any], endpoints: EndpointSettings, _session: Any) -> Any:
    """Return credentials from the AWS IoT credentials provider, for the device's certificate. Raise SendError."""
    from bridge.aws.credentials.renewed_credentials import RenewedCredentials  # noqa: PLC0415 - botocore is slow to import

    credentials = RenewedCredentials("iot", lambda: _fetch_iot(settings, endpoints))
    credentials.get_frozen_credentials()
    return credentials


def _fetch_iot(settings: Mapping[str, Any], endpoints: EndpointSettings) -> FetchedCredentials:
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415 - botocore is slow to import
    from botocore.httpsession import URLLib3Session  # noqa: PLC0415 - as above

    from bridge.aws.bounded_session import BoundedSession  # noqa: PLC0415 - as above
    from bridge.aws.credentials.renewed_credentials import FetchedCredentials, epoch_secs  # noqa: PLC0415 - as above

    # The files are checked first, because OpenSSL's errors do not name the file.
    pair = check_pair(settings["cert_file"], settings["key_file"])
    url = f"https://{settings['endpoint']}/role-aliases/{settings['role_alias']}/credentials"
    headers = {"x-amzn-iot-thingname": settings["thing_name"]} if "thing_name" in settings else {}
    session = BoundedSession(
        URLLib3Session(
            verify=settings.get("ca_file") or endpoints.ca_file or True,
            proxies=endpoints.proxies_for(url),
            timeout=(endpoints.connect_timeout_secs, endpoints.answer_timeout_secs),
            client_cert=pair,
        ),
        secret=(OK,),
    )
    try:
        response = session.send(AWSRequest(method="GET", url=url, headers=headers).prepare())
        if response.status_code != OK:
            raise _response_error(
                "AWS IoT", response.status_code, response.text, _IOT_HINTS.get(response.status_code, "")
            )
        given = json.loads(response.text)["credentials"]
        expires_at = epoch_secs(given["expiration"])
        return FetchedCredentials(given["accessKeyId"], given["secretAccessKey"], given["sessionToken"], expires_at)
    except (ValueError, LookupError, TypeError, RecursionError):
        hint = (
            "check endpoint in kinesis.authentication: "
            "'aws iot describe-endpoint --endpoint-type iot:CredentialProvider' prints it"
        )
        raise Refused("Credentials", f"{settings['endpoint']} returned no credentials", hint) from None
    finally:
        session.close()


def roles_anywhere(settings: Mapping[str, Any], endpoints: EndpointSettings, _session: Any) -> Any:
    """Return credentials from IAM Roles Anywhere, for a certificate from the trust anchor's CA. Raise SendError."""
    try:
        from iam_rolesanywhere_session import IAMRolesAnywhereSession  # noqa: PLC0415 - an extra
    except ImportError:
        hint = "pip install 'mqtt-kinesis[roles-anywhere]'"
        raise Refused("Credentials", "roles_anywhere needs the package iam-rolesanywhere-session", hint) from None
    from botocore.session import get_session  # noqa: PLC0415 - botocore is slow to import

    from bridge.aws.bounded_session import BoundedSession  # noqa: PLC0415 - as above
    from bridge.aws.credentials.renewed_credentials import WrappedCredentials  # noqa: PLC0415 - as above

    cert_file, key_file = check_pair(settings["cert_file"], settings["key_file"])
    url = anywhere_url(get_session(), settings, endpoints)
    session = IAMRolesAnywhereSession(
        profile_arn=settings["profile_arn"],
        role_arn=settings["role_arn"],
        trust_anchor_arn=settings["trust_anchor_arn"],
        certificate=cert_file,
        private_key=key_file,
        certificate_chain=settings.get("chain_file"),
        session_duration=settings.get("duration_secs", 3600),
        region=settings["trust_anchor_arn"].split(":")[3],
        endpoint=settings.get("endpoint"),
        verify=settings.get("ca_file") or endpoints.ca_file or True,
        proxies=dict(endpoints.proxies_for(url)),  # type: ignore[arg-type]  # the same keys, as a plain dict
        use_fips_endpoint=endpoints.fips,
    )
    # The library has no parameter for a session. Its own session would log the body of an unexpected response.
    session._session = BoundedSession(session._session, secret=(OK, CREATED))  # noqa: SLF001 - as above
    credentials = WrappedCredentials(
        "roles_anywhere", _RolesAnywhereCredentials(session.get_refreshable_credentials()), renewable=True
    )
    credentials.get_frozen_credentials()
    return credentials


class _RolesAnywhereCredentials:
    """Credentials from the library. The library's exceptions are converted into the bridge's errors."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def get_frozen_credentials(self) -> Any:
        from iam_rolesanywhere_session.exceptions import CredentialsRetrievalError  # noqa: PLC0415 - an extra

        try:
            return self._inner.get_frozen_credentials()
        except CredentialsRetrievalError as error:
            # Status 200 means here that the content of the response is invalid. This is a fault of the service or of a
            # proxy, so it is treated as a server error.
            status = error.status_code if error.status_code != OK else SERVER_ERROR
            raise _response_error("IAM Roles Anywhere", status, error.message, _ANYWHERE_HINT) from None


def check_pair(cert_file: str, key_file: str) -> tuple[str, str]:
    """Return both paths if they are PEM files of a certificate and its private key. Raise Refused otherwise."""
    try:
        # With an empty password, OpenSSL refuses an encrypted key. Without this parameter, OpenSSL would prompt for a
        # password at the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(cert_file, key_file, password="")
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        why = getattr(error, "strerror", None) or getattr(error, "reason", None) or str(error)
        hint = "expected PEM files: the certificate, and its own unencrypted private key"
        raise Refused("Credentials", f"cert_file {cert_file} with key_file {key_file}: {why}", hint) from None
    return cert_file, key_file


def _response_error(who: str, status: int, text: str, hint: str) -> SendError:
    try:
        fields = json.loads(text)
        message = str(fields.get("message") or fields.get("Message") or text)
    except (ValueError, AttributeError, RecursionError):
        message = text
    detail = shortened(f"{who} returned {status}: {message}" if message else f"{who} returned {status}")
    # A server error or a rate limit may end by itself. All other errors remain until a person fixes their cause.
    if status >= SERVER_ERROR or status in RETRIABLE_CLIENT_ERRORS:
        return Unavailable("Credentials", detail)
    return Refused("Credentials", detail, permission_hint(message) or hint or "check kinesis.authentication")
