"""Reasons why a reachable broker refuses this client, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.tools.doctor.finding import failed

if TYPE_CHECKING:
    from bridge.mqtt.session_settings import SessionSettings
    from bridge.tools.doctor.finding import Finding

_ADVICE: Final = {
    "CERTIFICATE_REQUIRED": "the broker wants a certificate of this client: mqtt.tls.cert_file and mqtt.tls.key_file",
    "UNKNOWN_CA": "the broker does not know the authority that signed mqtt.tls.cert_file: have it added there",
    "DECRYPT_ERROR": "the broker does not know the authority that signed mqtt.tls.cert_file: have it added there",
    "BAD_CERTIFICATE": "the broker does not take mqtt.tls.cert_file: see its log",
    "CERTIFICATE_EXPIRED": "mqtt.tls.cert_file has expired, or is not valid yet by the broker's clock: have it renewed",
    "CERTIFICATE_REVOKED": "mqtt.tls.cert_file was revoked: have another made",
}
"""Advice by the name of a TLS alert, as OpenSSL writes it."""
_NO_CERTIFICATE: Final = "the broker may want a certificate of this client: mqtt.tls.cert_file and mqtt.tls.key_file"
_CERTIFICATE: Final = (
    "the broker may not take mqtt.tls.cert_file: has it expired, or is the authority that signed it not known there?"
)
_PLAIN: Final = "the port may speak TLS: write mqtts:// (or wss://) in mqtt.url; or it is no MQTT broker's"
_USER: Final = "see mqtt.username, mqtt.password and mqtt.client_id, and the broker's log"


def no_session(problem: str, settings: SessionSettings) -> Finding:
    """Return the finding for a session that failed. `problem` is the text in the session's state."""
    said, _, hint = problem.partition("; ")
    return failed("broker.session", "session", said or "the broker does not answer", hint or _advice(problem, settings))


def _advice(problem: str, settings: SessionSettings) -> str:
    for mark, words in _ADVICE.items():
        if mark in problem:
            return words
    encrypted = any(address.encrypted and f"{address}:" in problem for address in settings.addresses)
    if "refused" in problem or not problem:
        return _USER
    if not encrypted:
        return _PLAIN
    return _CERTIFICATE if settings.tls.cert_file else _NO_CERTIFICATE
