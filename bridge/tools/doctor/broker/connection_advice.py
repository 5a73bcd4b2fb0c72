"""Reasons why a reachable broker refuses this client, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.mqtt.reason_texts import NO_CERTIFICATE, WRONG_PORT
from bridge.tools.doctor.finding import failed

if TYPE_CHECKING:
    from bridge.mqtt.settings import MqttSettings
    from bridge.tools.doctor.finding import Finding

# Advice for each TLS alert, by OpenSSL's name of the alert.
_ADVICE: Final = {
    "CERTIFICATE_REQUIRED": "the broker requires a client certificate: set mqtt.tls.cert_file and mqtt.tls.key_file",
    "UNKNOWN_CA": "the broker does not trust the CA of mqtt.tls.cert_file: add the CA certificate to the broker",
    "DECRYPT_ERROR": "the broker does not trust the CA of mqtt.tls.cert_file: add the CA certificate to the broker",
    "BAD_CERTIFICATE": "the broker refuses mqtt.tls.cert_file: see its log",
    "CERTIFICATE_EXPIRED": "mqtt.tls.cert_file has expired, or is not valid yet by the broker's clock: renew it",
    "CERTIFICATE_REVOKED": "mqtt.tls.cert_file was revoked: create a new one",
}
_NO_CERTIFICATE: Final = "the broker may require a client certificate: set mqtt.tls.cert_file and mqtt.tls.key_file"
_CERTIFICATE: Final = (
    "the broker may refuse mqtt.tls.cert_file: check whether it has expired, and whether the broker trusts its CA"
)
_PLAIN: Final = "the port may use TLS: try mqtts:// (or wss://) in mqtt.url; or no MQTT broker listens there"
_USER: Final = "check mqtt.username, mqtt.password and mqtt.client_id, and the broker's log"


def no_session(problem: str, settings: MqttSettings) -> Finding:
    """Return the finding for a session that failed. `problem` comes from the state of the session."""
    # The problem may end with a general hint (NO_CERTIFICATE, WRONG_PORT). Remove it: `_advice` has more specific
    # hints.
    message, _, hint = problem.removesuffix(NO_CERTIFICATE).removesuffix(WRONG_PORT).partition("; ")
    return failed(
        "broker.session", "session", message or "the broker does not respond", hint or _advice(problem, settings)
    )


def _advice(problem: str, settings: MqttSettings) -> str:
    for alert, advice in _ADVICE.items():
        if alert in problem:
            return advice
    encrypted = any(address.encrypted and f"{address}:" in problem for address in settings.addresses)
    # The broker received the CONNECT packet, and refused it or did not respond.
    if "refused" in problem or not problem:
        return _USER
    if not encrypted:
        return _PLAIN
    return _CERTIFICATE if settings.tls.cert_file else _NO_CERTIFICATE
