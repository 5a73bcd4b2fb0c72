"""Error codes of Kinesis: the bridge's reaction to each code, and the remedy for a person.

    UNAVAILABLE  The error may end by itself: buffer the records, back off, and retry without limit.
    REFUSED      A person must act: buffer the records, retry slowly, and show the hint.
    INVALID      A record in the request can never be accepted: find this record, and reject it.

Codes of PutRecords: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
Codes of every call: https://docs.aws.amazon.com/kinesis/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bridge.errors import InvalidRequest, OutcomeUnknown, Refused, SendError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

_XML_ERROR = re.compile(r"<Code>(\w+)</Code>\s*<Message>([^<]*)</Message>")
MAX_DETAIL_CHARS = 300
# A longer message is cut, because a proxy may send megabytes, and regular expressions search the message.
MAX_MESSAGE_CHARS = 4096
_NOT_AUTHORIZED = re.compile(
    r"(?:User: )?(?P<who>arn:\S+) is not authorized to perform: (?P<action>[\w-]+:\w+)"
    r"(?: on (?:resource|this resource): (?P<resource>arn:\S+|\*))?"
)

MAX_CLOCK_SKEW_SECS = 300
"""AWS refuses signatures if this machine's clock differs by this number of seconds:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html"""

SERVER_ERROR = 500
RETRIABLE_CLIENT_ERRORS = frozenset({408, 425, 429})


class ErrorAction(Enum):
    """Reaction to an error code of a complete request, or of a single record."""

    UNAVAILABLE = "unavailable"
    REFUSED = "refused"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """Reaction to one error code, and the remedy for a person.

    `hint` may contain `{stream}`, `{region}` and `{credential}`. `clock` is true if a wrong clock of this machine may
    be the cause.
    """

    action: ErrorAction
    hint: str = ""
    throttled: bool = False
    clock: bool = False


UNAVAILABLE = ErrorRule(ErrorAction.UNAVAILABLE)
THROTTLED = ErrorRule(ErrorAction.UNAVAILABLE, throttled=True)
INVALID = ErrorRule(ErrorAction.INVALID)


def _refused(hint: str, *, clock: bool = False) -> ErrorRule:
    return ErrorRule(ErrorAction.REFUSED, hint, clock=clock)


_DENIED = _refused(
    "allow kinesis:PutRecords on stream {stream} ({region}) to the identity the bridge uses, and check that "
    "no policy of the stream, the organisation or the VPC endpoint denies it"
)
_CREDENTIALS = _refused("AWS does not know {credential}: check kinesis.authentication, and that the key is active")
_SIGNATURE = _refused(
    "the signature does not match: check the secret of {credential}, and that no proxy rewrites the requests",
    clock=True,
)
_CLOCK = _refused("AWS reports a wrong time of the request: synchronise this machine's clock (NTP)", clock=True)
_NOT_KINESIS = _refused("the endpoint is not Kinesis Data Streams: check kinesis.endpoint_url and kinesis.region")
_SUBSCRIPTION = _refused("this AWS account has no subscription to Kinesis in {region}: sign up, or check the region")

ERROR_RULES: Mapping[str, ErrorRule] = MappingProxyType(
    {
        # codes of PutRecords
        "AccessDeniedException": _DENIED,
        "DryRunOperationException": _refused("a proxy adds a dry-run parameter to the requests: remove it"),
        "InternalFailureException": UNAVAILABLE,
        "InvalidArgumentException": INVALID,
        "KMSAccessDeniedException": _refused(
            "allow kms:GenerateDataKey on the KMS key of stream {stream} to the identity the bridge uses"
        ),
        "KMSDisabledException": _refused(
            "enable the KMS key of stream {stream} again, or assign another key to the stream"
        ),
        "KMSInvalidStateException": _refused(
            "the KMS key of stream {stream} cannot be used (pending deletion or import?): "
            "restore it, or assign another key to the stream"
        ),
        "KMSNotFoundException": _refused(
            "the KMS key of stream {stream} does not exist: assign another key to the stream, or turn its "
            "encryption off"
        ),
        "KMSOptInRequired": _refused("this AWS account must be subscribed to KMS to write to stream {stream}"),
        "KMSThrottlingException": THROTTLED,
        "ProvisionedThroughputExceededException": THROTTLED,
        "ResourceNotFoundException": _refused(
            "create stream {stream} in {region}, or fix data_stream or kinesis.region"
        ),
        # code of a single record's result
        "InternalFailure": UNAVAILABLE,
        # codes of DescribeStreamSummary
        "LimitExceededException": THROTTLED,
        "ResourceInUseException": UNAVAILABLE,
        # codes of every call
        "AccessDenied": _DENIED,
        "ExpiredToken": UNAVAILABLE,
        "ExpiredTokenException": UNAVAILABLE,
        "IncompleteSignature": _SIGNATURE,
        "IncompleteSignatureException": _SIGNATURE,
        "InternalServerError": UNAVAILABLE,
        "InternalServiceError": UNAVAILABLE,
        "InvalidAction": _NOT_KINESIS,
        "InvalidClientTokenId": _CREDENTIALS,
        "InvalidSignatureException": _SIGNATURE,
        "MalformedHttpRequestException": _NOT_KINESIS,
        "MissingAuthenticationToken": _NOT_KINESIS,
        "MissingAuthenticationTokenException": _NOT_KINESIS,
        "NotAuthorized": _DENIED,
        "OptInRequired": _SUBSCRIPTION,
        "RequestAbortedException": UNAVAILABLE,
        "RequestEntityTooLargeException": INVALID,
        "RequestExpired": _CLOCK,
        "RequestTimeTooSkewed": _CLOCK,
        "RequestTimeout": UNAVAILABLE,
        "RequestTimeoutException": UNAVAILABLE,
        "ServiceUnavailable": UNAVAILABLE,
        "ServiceUnavailableException": UNAVAILABLE,
        "SignatureDoesNotMatch": _SIGNATURE,
        "SlowDown": THROTTLED,
        "SubscriptionRequiredException": _SUBSCRIPTION,
        "Throttling": THROTTLED,
        "ThrottlingException": THROTTLED,
        "TooManyRequestsException": THROTTLED,
        "UnknownOperationException": _NOT_KINESIS,
        "UnrecognizedClientException": _CREDENTIALS,
        "ValidationError": INVALID,
        "ValidationException": INVALID,
    }
)

UNKNOWN = _refused(
    "Kinesis returned an error code that this version of the bridge does not know: look it up in "
    "the AWS documentation, "
    "and check kinesis.endpoint_url and any proxy"
)


def request_error_rule(code: str, status: int) -> ErrorRule:
    """Return the rule for a failed request. If ERROR_RULES does not contain its `code`, the HTTP `status` decides."""
    if (rule := ERROR_RULES.get(code)) is not None:
        return rule
    if status >= SERVER_ERROR or status in RETRIABLE_CLIENT_ERRORS:
        return UNAVAILABLE
    return UNKNOWN


def record_error_rule(code: str) -> ErrorRule:
    """Return the rule for the error `code` of one record."""
    # The request itself succeeded, so the stream and the permissions are right. An unknown code of one record is
    # treated as a temporary error, and the record is sent again.
    return ERROR_RULES.get(code, UNAVAILABLE)


def is_throttling(code: str) -> bool:
    """Return whether the code means that too many records, bytes or calls were sent in a second."""
    return record_error_rule(code).throttled


def record_error(code: str, message: str, stream: str) -> SendError:
    """Return the error of one failed record, for the status of the stream."""
    rule = record_error_rule(code)
    if rule.action is ErrorAction.REFUSED:
        hint = rule.hint.format(stream=stream, region="this region", credential="this access key")
        return Refused(code, shortened(message), permission_hint(message, stream) or hint)
    return Unavailable(code, shortened(message))


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """Error response of Kinesis.

    `skew_secs` is the number of seconds by which this machine's clock is ahead of the clock of AWS; None if unknown.
    """

    code: str
    message: str
    status: int
    skew_secs: float | None = None

    @classmethod
    def of(cls, error: Any) -> ErrorResponse:
        """Return the error response in a botocore ClientError."""
        fields, meta = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
        code, message = str(fields.get("Code") or "Unknown"), str(fields.get("Message") or "")[:MAX_MESSAGE_CHARS]
        if code.isdigit() and (found := _XML_ERROR.search(message)):
            # If the body is not JSON, botocore returns the HTTP status as the code, and the body as the message. If
            # credentials are refused, local emulators respond with XML.
            code, message = found.groups()
        return cls(
            code=shortened(code),
            message=message,
            status=int(meta.get("HTTPStatusCode") or 0),
            skew_secs=_skew_secs(meta.get("HTTPHeaders", {}).get("date")),
        )

    def error(self, stream: str, region: str, credential: str = "this access key") -> SendError:
        """Return the exception to raise for this response."""
        rule, detail = request_error_rule(self.code, self.status), shortened(self.message)
        if rule.action is ErrorAction.REFUSED:
            # If this machine's clock is wrong, AWS reports a wrong signature or key. The Date header of the response
            # shows the real cause.
            hint = self._clock_hint() if rule.clock else permission_hint(self.message, stream, region)
            return Refused(
                self.code, detail, hint or rule.hint.format(stream=stream, region=region, credential=credential)
            )
        if rule.action is ErrorAction.INVALID:
            return InvalidRequest(self.code, detail)
        # After a server error, Kinesis may have stored some records. After other errors, it has stored no records.
        return OutcomeUnknown(self.code, detail) if self.status >= SERVER_ERROR else Unavailable(self.code, detail)

    def _clock_hint(self) -> str:
        skew = self.skew_secs
        if skew is None or abs(skew) < MAX_CLOCK_SKEW_SECS:
            return ""
        where = "ahead of" if skew > 0 else "behind"
        return f"this machine's clock is {abs(skew) / 60:.0f} minutes {where} AWS: synchronise it (NTP)"


def permission_hint(message: str, stream: str = "", region: str = "") -> str:
    """Return a hint that names the missing permission, the identity and the resource from a message of AWS.

    If the message does not name the resource, the hint names the stream. If the message does not name the permission,
    return "". https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    found = _NOT_AUTHORIZED.search(message)
    if found is None:
        return ""
    who, action, on = found["who"], found["action"], found["resource"] or _resource(found, stream, region)
    on = f" on {on}" if on else ""
    if "explicit deny" in message:
        return f"a policy denies {action}{on} to {who}: remove that statement, or exclude {who} from it"
    trust = "; the role's trust policy must name it too, with its external_id" if action.startswith("sts:") else ""
    return f"allow {action}{on} to {who}{trust} ('mqtt-kinesis policy' prints what the mappings need)"


def _resource(found: re.Match[str], stream: str, region: str) -> str:
    """Return the resource to show if the message names no resource."""
    if not stream or stream.startswith("arn:"):
        return stream
    if not found["action"].startswith("kinesis:"):
        return f"the KMS key of stream {stream}" if found["action"].startswith("kms:") else f"stream {stream}"
    _, partition, _, _, account, _ = found["who"].split(":", 5)
    return f"arn:{partition}:kinesis:{region}:{account}:stream/{stream}" if region else f"stream {stream}"


def _skew_secs(date: str | None) -> float | None:
    """Return the seconds by which this machine's clock is ahead of an HTTP Date header; None if the date is invalid."""
    try:
        return (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds() if date else None
    except (TypeError, ValueError, OverflowError):
        return None


def shortened(text: str) -> str:
    """Return `text` for the log: on one line, without control characters, and cut to MAX_DETAIL_CHARS."""
    # The text is cut before the loop, because a proxy may have sent megabytes.
    line = "".join(each if each.isprintable() else " " for each in text[: 4 * MAX_DETAIL_CHARS])
    line = " ".join(line.split())
    return line if len(line) <= MAX_DETAIL_CHARS else line[: MAX_DETAIL_CHARS - 1] + "…"
