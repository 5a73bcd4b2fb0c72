"""Conversion of botocore's exceptions into the bridge's errors, for requests without a response.

OutcomeUnknown  the request may have arrived at Kinesis
Unavailable     the request cannot have arrived
Refused         the request cannot have arrived, and a person must act
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from botocore import exceptions as aws
from urllib3.util.ssl_match_hostname import CertificateError

from bridge.aws.error_codes import shortened
from bridge.errors import OutcomeUnknown, Refused, SendError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NETWORK_CODES = frozenset({"Network", "Tls", "Proxy"})
"""Codes of errors which mean that the endpoint sent no HTTP response."""
NO_CREDENTIALS_HINT = "configure credentials in kinesis.authentication, or in the AWS environment of this machine"
UNTRUSTED_HINT = (
    "the certificate of the endpoint is not trusted: check this machine's clock, its CA certificates "
    "(kinesis.ca_file for a proxy that intercepts TLS) and kinesis.endpoint_url"
)
SETTINGS_HINT = "check the kinesis section of the configuration"


def network_error(error: aws.BotoCoreError) -> SendError:
    """Return the bridge's error for an exception of botocore."""
    detail = shortened(str(error))
    for kinds, convert in _CONVERSIONS:
        if isinstance(error, kinds):
            return convert(error, detail)
    return Refused(type(error).__name__, detail, SETTINGS_HINT)


def _before_sending(_error: BaseException, detail: str) -> SendError:
    return Unavailable("Network", detail)


def _after_sending(_error: BaseException, detail: str) -> SendError:
    return OutcomeUnknown("Network", detail)


def _credentials_fail(_error: BaseException, detail: str) -> SendError:
    return Unavailable("NoCredentials", detail)


def _no_credentials(_error: BaseException, detail: str) -> SendError:
    return Refused("NoCredentials", detail, NO_CREDENTIALS_HINT)


def _tls(error: BaseException, detail: str) -> SendError:
    if any(isinstance(cause, (ssl.SSLCertVerificationError, CertificateError)) for cause in _causes(error)):
        return Refused("Tls", detail, UNTRUSTED_HINT)
    # TLS may fail before or after the request was sent, and botocore does not distinguish the two cases.
    return OutcomeUnknown("Tls", detail)


def _proxy(error: BaseException, detail: str) -> SendError:
    texts = " ".join(map(str, _causes(error)))
    # http.client reports the proxy's status only in the text of its exception.
    if "Tunnel connection failed: 407" in texts:
        return Refused("Proxy", detail, "the proxy requires a login: put user and password into kinesis.proxy_url")
    if "Tunnel connection failed: 403" in texts:
        return Refused("Proxy", detail, "the proxy denies this destination: allow the Kinesis endpoint there")
    return Unavailable("Proxy", detail)


_CONVERSIONS: tuple[tuple[tuple[type[BaseException], ...], Callable[[BaseException, str], SendError]], ...] = (
    ((aws.SSLError,), _tls),
    ((aws.ProxyConnectionError,), _proxy),
    ((aws.EndpointConnectionError, aws.ConnectTimeoutError), _before_sending),
    ((aws.HTTPClientError, aws.ResponseStreamingError, aws.IncompleteReadError), _after_sending),
    ((aws.CredentialRetrievalError, aws.MetadataRetrievalError, aws.TokenRetrievalError), _credentials_fail),
    ((aws.NoCredentialsError, aws.PartialCredentialsError, aws.ProfileNotFound), _no_credentials),
)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes. botocore stores causes in `kwargs`, urllib3 in `reason` or in the arguments."""
    seen: set[int] = set()
    pending: list[object] = [error]
    while pending:
        cause = pending.pop()
        # Causes can form a cycle, because `__context__` of an exception may refer back to an earlier exception.
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        pending += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
        pending.append(getattr(cause, "kwargs", {}).get("error"))
