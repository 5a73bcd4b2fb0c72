"""Errors for missing credentials, with cause and remedy in words for users.

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
    "the role must trust this identity (its trust policy, with the same external_id), and the identity must be allowed"
)
_OIDC = (
    "check the token in token_file: its issuer must be an OIDC provider in IAM, its audience one of the provider's, "
    "and the role's trust policy must name both"
)
NO_INSTANCE_ROLE = (
    "the instance metadata service (IMDSv2) returned no credentials: is this an EC2 instance with a role attached? "
    "In a container the service is one hop further: allow it by "
    "'aws ec2 modify-instance-metadata-options --http-put-response-hop-limit 2'"
)
STS_HINTS: Mapping[str, str] = MappingProxyType(
    {
        "AccessDenied": f"{_TRUST} sts:AssumeRole on it",
        "ExpiredTokenException": "the token in token_file has expired: the program that writes it must renew it",
        "IDPCommunicationError": "AWS cannot reach the token's issuer to check it: make it reachable for AWS",
        "IDPRejectedClaim": _OIDC,
        "InvalidIdentityToken": _OIDC,
        "MalformedPolicyDocument": "check tags of kinesis.authentication",
        "PackedPolicyTooLarge": "fewer or shorter tags in kinesis.authentication",
        "RegionDisabledException": "activate STS for this region in the account, or choose another kinesis.region",
        "ValidationError": "check role_arn, session_name, external_id and duration_secs (the role has a maximum)",
    }
)


class InvalidCredentials(ValueError):
    """Error: the fetched values cannot be credentials. The text does not contain the values."""


# Exceptions of botocore's readers for a malformed response.
_UNREADABLE = (AttributeError, InvalidCredentials, JSONDecodeError, LookupError, TypeError)


def failed(error: Exception, method: str) -> SendError:
    """Return the bridge's error for an exception that occurred while fetching credentials of this type."""
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
        # The text of this exception is not used, because it includes the response, which may contain a secret.
        detail = f"the response is not credentials ({type(error).__name__})"
        return _with_type(method, Unavailable("Credentials", detail))
    hint = "check kinesis.authentication, and this machine's clock"
    return Refused("Credentials", f"type: {method}: {shortened(str(error) or type(error).__name__)}", hint)


def _of_sts(error: Any) -> SendError:
    answer = ErrorResponse.of(error)
    # The message of AWS names the missing permission most exactly, so it comes first.
    hint = permission_hint(answer.message) or STS_HINTS.get(answer.code)
    if hint and answer.status < SERVER_ERROR:
        return Refused(answer.code, shortened(f"{error.operation_name}: {answer.message}"), hint)
    found = answer.error("(none)", "this region", "the access key of kinesis.authentication")
    return found if isinstance(found, (Refused, Unavailable)) else Refused(found.code, found.detail, _TRUST)


def _with_type(method: str, error: SendError) -> SendError:
    """Add the type to an error. The result is never OutcomeUnknown, because nothing was sent to Kinesis."""
    detail = f"no credentials (type: {method}): {error.detail}"
    return Refused(error.code, detail, error.hint) if isinstance(error, Refused) else Unavailable(error.code, detail)
