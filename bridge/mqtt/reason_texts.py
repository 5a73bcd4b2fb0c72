"""Texts for requests and connections that the broker refuses or ends: the reason, the broker's own text, and advice."""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import Any, Final

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

TAKEN_OVER: Final = "Session taken over"
UNSUPPORTED_VERSION: Final = "Unsupported protocol version"
CHECK_CREDENTIALS: Final = "check mqtt.username and mqtt.password"
_NOT_AUTHORIZED: Final = f"{CHECK_CREDENTIALS}, and whether the broker permits this client ID"
_HINTS: Final = {
    "Bad user name or password": CHECK_CREDENTIALS,
    "Not authorized": _NOT_AUTHORIZED,
    "Client identifier not valid": "choose another mqtt.client_id",
    "Shared subscription not supported": "use a broker that supports them, or remove mqtt.share and --workers",
    "Server unavailable": "the broker is starting or overloaded",
    "Server busy": "the broker is overloaded",
    "Quota exceeded": "raise the broker's limit for this client",
    "Packet too large": "raise the broker's limit of the packet size, or use shorter topic filters",
    TAKEN_OVER: "another client uses the same mqtt.client_id: give each bridge its own ID",
    UNSUPPORTED_VERSION: "set mqtt.protocol to a version that the broker supports",
}
# Advice for a refused SUBSCRIBE. The credentials are correct, because the broker has accepted the session.
_SUBSCRIPTION_HINTS: Final = {
    "Not authorized": "permit this client to subscribe to it at the broker",
    "Unspecified error": "most likely the broker does not permit this client to subscribe to it",
}
# Return codes of a CONNACK of MQTT 3.1.1 (section 3.2.2.3), with the names of the same errors in MQTT 5.
_RETURN_CODES: Final = {
    1: UNSUPPORTED_VERSION,
    2: "Client identifier not valid",
    3: "Server unavailable",
    4: "Bad user name or password",
    5: "Not authorized",
}
# Lowest reason code of MQTT 5 that means a refusal. The return codes of MQTT 3.1.1 are smaller.
_FIRST_REASON_CODE: Final = 0x80
# Return code that AWS IoT Core sends if its policy does not permit the connection. MQTT 3.1.1 does not define this
# code.
_AWS_NOT_AUTHORIZED: Final = 7

# Error codes of OpenSSL for an invalid certificate, with (cause, advice). The names of the codes begin with
# X509_V_ERR_, such as X509_V_ERR_CERT_HAS_EXPIRED: 9 is CERT_NOT_YET_VALID, 10 is CERT_HAS_EXPIRED, 18 is
# DEPTH_ZERO_SELF_SIGNED_CERT, 19 is SELF_SIGNED_CERT_IN_CHAIN, 20 is UNABLE_TO_GET_ISSUER_CERT_LOCALLY, 21 is
# UNABLE_TO_VERIFY_LEAF_SIGNATURE, 62 is HOSTNAME_MISMATCH, and 64 is IP_ADDRESS_MISMATCH. See
# https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error
_X509: Final = {
    9: (
        "the broker's certificate, or a CA certificate that signed it, is not yet valid",
        "check the clock of this machine and of the certificate's issuer",
    ),
    10: (
        "the broker's certificate, or a CA certificate that signed it, has expired",
        "renew it; or check the clock of this machine",
    ),
    18: (
        "the broker's certificate is self-signed and not trusted",
        "give that certificate, or the CA certificate that signed it, as mqtt.tls.ca_file",
    ),
    19: (
        "the CA certificate that signed the broker's certificate is not trusted",
        "give it as mqtt.tls.ca_file",
    ),
    20: (
        "the broker's certificate is not signed by mqtt.tls.ca_file, or by a CA certificate that the system trusts",
        "give the CA certificate that signed it as mqtt.tls.ca_file, with all intermediate certificates",
    ),
    21: (
        "the broker does not send its intermediate certificates",
        "add them to the broker's certificate file, or to mqtt.tls.ca_file",
    ),
    62: (
        "the broker's certificate is for another host name",
        "use a host name of the certificate in mqtt.url, or issue a certificate for this host name",
    ),
    64: (
        "the broker's certificate is for another IP address",
        "use a host name of the certificate in mqtt.url, or issue a certificate for this address",
    ),
}
WRONG_PORT: Final = (
    "; if every attempt fails, check the scheme and the port of mqtt.url: mqtt:// is plain TCP, mqtts:// TLS, "
    "ws:// and wss:// WebSocket"
)
NO_CERTIFICATE: Final = "; or the broker requires a client certificate (mqtt.tls.cert_file)"
"""Advice for a broker that has never accepted a session, and ends each connection without a response.

The advice is WRONG_PORT. NO_CERTIFICATE is added if the connection uses TLS without a client certificate.
"""
# TLS alerts of the peer (RFC 8446, section 6.2), with their causes. The keys are the ends of OpenSSL's error names.
_ALERTS: Final = {
    "CERTIFICATE_REQUIRED": "the broker requires a client certificate: set mqtt.tls.cert_file and mqtt.tls.key_file",
    "CERTIFICATE_EXPIRED": "the client certificate in mqtt.tls.cert_file has expired: renew it",
    "CERTIFICATE_REVOKED": "the client certificate in mqtt.tls.cert_file is revoked: use another",
    "CERTIFICATE_UNKNOWN": "the broker does not accept the client certificate in mqtt.tls.cert_file",
    "BAD_CERTIFICATE": "the broker does not accept the client certificate in mqtt.tls.cert_file",
    "UNKNOWN_CA": "the broker does not trust the CA certificate that signed mqtt.tls.cert_file",
    "HANDSHAKE_FAILURE": "the broker may require a client certificate, or another TLS version",
    "WRONG_VERSION_NUMBER": "the port does not use TLS: use mqtt:// or ws://, or the broker's TLS port",
    "PROTOCOL_VERSION": "the broker and this machine have no TLS version in common",
}


def with_hint(reason: str, properties: Any = None) -> str:
    """Return the reason, followed by the broker's Reason String and Server Reference (MQTT 5) and by advice."""
    return _joined(reason, properties, _HINTS.get(reason))


def _joined(reason: str, properties: Any, hint: str | None) -> str:
    own = [getattr(properties, name, None) for name in ("ReasonString", "ServerReference")]
    shown = [f"'{text}'" for text in own[:1] if text] + [f"use the broker {text}" for text in own[1:] if text]
    return "; ".join([reason, *shown, *([hint] if hint else [])])


def response_text(reason: ReasonCode, properties: Any = None) -> str:
    """Return the text of a reason code in an UNSUBACK, CONNACK or DISCONNECT."""
    return with_hint(reason.getName(), properties)


def subscription_text(reason: ReasonCode, properties: Any = None) -> str:
    """Return the text of a reason code in a SUBACK."""
    name = reason.getName()
    return _joined(name, properties, _SUBSCRIPTION_HINTS.get(name, _HINTS.get(name)))


def return_code_text(code: int) -> str:
    """Return the text of the code in a CONNACK without properties. The code may belong to MQTT 3.1.1 or MQTT 5."""
    with suppress(KeyError):
        if code >= _FIRST_REASON_CODE:
            return with_hint(str(ReasonCode(PacketTypes.CONNACK, identifier=code)))
    if code == _AWS_NOT_AUTHORIZED:
        return f"return code 7, which AWS IoT Core uses for Not authorized; {_NOT_AUTHORIZED}"
    return with_hint(_RETURN_CODES[code]) if code in _RETURN_CODES else f"return code {code}"


def error_text(error: BaseException) -> str:
    """Return the text of a network or TLS error. Add the cause and advice if they are known."""
    text = str(error) or type(error).__name__
    if isinstance(error, ssl.SSLCertVerificationError):
        cause, advice = _X509.get(
            error.verify_code,
            (
                f"the broker's certificate cannot be verified ({error.verify_message})",
                "issue a certificate without this fault",
            ),
        )
        return f"{cause}; {advice} [{text}]"
    if isinstance(error, ssl.SSLError):
        # OpenSSL's names begin with the TLS version, for example TLSV13_ALERT_CERTIFICATE_REQUIRED.
        name = error.reason or ""
        found = next((cause for alert, cause in _ALERTS.items() if name.endswith(alert)), "")
        return f"{found} [{text}]" if found else text
    return text
