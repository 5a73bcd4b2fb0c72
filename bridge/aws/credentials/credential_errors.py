"""Errors for missing credentials, with the cause and a remedy for users.

STS: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html#API_AssumeRole_Errors
"""

from __future__ import annotations

from json import JSONDecodeError
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bridge.aws.error_codes import SERVER_ERROR, ErrorResponse, permission_hint, shortened
from bridge.errors import Refused, SendError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

_TRUST = (
    "the trust policy of the role must name this identity, with the same external_id, and a policy of the identity "
    "must allow sts:AssumeRole on the role"
)
_OIDC = (
    "check the token in token_file: IAM must have an OIDC provider for its issuer and its audience, and the trust "
    "policy of the role must name both"
)
NO_INSTANCE_ROLE = (
    "the instance metadata service (IMDSv2) returned no credentials: is this an EC2 instance with a role attached? "
    "In a container, the service is one network hop further away: allow two hops with "
    "'aws ec2 modify-instance-metadata-options --http-put-response-hop-limit 2'"
)
STS_HINTS: Mapping[str, str] = MappingProxyType(
    {
        "AccessDenied": _TRUST,
        "ExpiredTokenException": "the token in token_file has expired: the program that writes the file must renew it",
        "IDPCommunicationError": "AWS cannot reach the issuer of the token: make the issuer reachable from AWS",
        "IDPRejectedClaim": _OIDC,
        "InvalidIdentityToken": _OIDC,
        "MalformedPolicyDocument": "check tags of kinesis.authentication",
        "PackedPolicyTooLarge": "use fewer or shorter tags in kinesis.authentication",
        "RegionDisabledException": "activate STS for this region in the account, or choose another kinesis.region",
        "ValidationError": "check role_arn, session_name, external_id, and duration_secs (the role limits it)",
    }
)


class InvalidCredentials(ValueError):
    """Error: the fetched values are not valid credentials. The message does not contain the values."""


# Exceptions that botocore raises for a malformed response.
_UNREADABLE = (AttributeError, InvalidCredentials, JSONDecodeError, LookupError, TypeError)


def failed(error: Exception, method: str) -> SendError:
    """Return the bridge's error for an exception that occurred while credentials of type `method` were fetched."""
    from botocore.exceptions import (  # noqa: PLC0415 - botocore is slow to import
        BotoCoreError,
        ClientError,
        MetadataRetrievalError,
    )
    from botocore.parsers import ResponseParserError  # noqa: PLC0415 - as above

    if isinstance(error, SendError):
        return _with_type(method, error)
    if isinstance(error, ClientError):
        return _with_type(method, _of_sts(error))
    if isinstance(error, MetadataRetrievalError):  # for example, the request for an IMDS token got no response
        return _with_type(method, Unavailable("NoCredentials", f"{NO_INSTANCE_ROLE} ({shortened(str(error))})"))
    if isinstance(error, BotoCoreError):
        from bridge.aws.network_errors import network_error  # noqa: PLC0415 - as above

        return _with_type(method, network_error(error))
    if isinstance(error, (ResponseParserError, *_UNREADABLE)):
        # The text of this exception is not shown, because it contains the response, and the response may be secret.
        detail = f"the response is not credentials ({type(error).__name__})"
        return _with_type(method, Unavailable("Credentials", detail))
    hint = "check kinesis.authentication, and this machine's clock"
    return Refused("Credentials", f"type: {method}: {shortened(str(error) or type(error).__name__)}", hint)


def _of_sts(error: Any) -> SendError:
    response = ErrorResponse.of(error)
    # `permission_hint` is preferred, because it names the missing permission.
    hint = permission_hint(response.message) or STS_HINTS.get(response.code)
    if hint and response.status < SERVER_ERROR:
        return Refused(response.code, shortened(f"{error.operation_name}: {response.message}"), hint)
    found = response.error("(none)", "this region", "the access key of kinesis.authentication")
    return found if isinstance(found, (Refused, Unavailable)) else Refused(found.code, found.detail, _TRUST)


def _with_type(method: str, error: SendError) -> SendError:
    """Return the error with the authentication type in its text.

    The result is never OutcomeUnknown, because no records were sent to Kinesis.
    """
    detail = f"no credentials (type: {method}): {error.detail}"
    return Refused(error.code, detail, error.hint) if isinstance(error, Refused) else Unavailable(error.code, detail)
