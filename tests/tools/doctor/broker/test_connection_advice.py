"""Advice for the problem of a session."""

from pathlib import Path

import pytest

from bridge.mqtt.broker_address import BrokerAddress
from bridge.mqtt.reason_texts import NO_CERTIFICATE, WRONG_PORT
from bridge.tools.doctor.broker.connection_advice import no_session
from tests.harness.mqtt_settings import mqtt_settings, tls_files

SECURE, PLAIN = "mqtts://broker:8883", "mqtt://broker:1883"


@pytest.mark.parametrize(
    ("problem", "cert_file", "words"),
    [
        (
            f"no session with {SECURE}: [SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert",
            None,
            "requires a client certificate",
        ),
        (
            f"no session with {SECURE}: [SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca",
            "c.pem",
            "add the CA certificate to the broker",
        ),
        (
            f"cannot connect to {SECURE}: the connection broke: Unspecified error",
            None,
            "may require a client certificate",
        ),
        (f"cannot connect to {SECURE}: the connection broke: Unspecified error", "c.pem", "may refuse mqtt.tls.cert"),
        (f"no session with {PLAIN}: [Errno 104] Connection reset by peer", None, "try mqtts://"),
        (f"no session with {PLAIN}: the broker closed the connection before CONNACK", None, "try mqtts://"),
        (f"no session with {PLAIN}: the broker refused the session: Banned", None, "check mqtt.username"),
        (
            f"no session with {PLAIN}: the broker refused the session: Bad user; check mqtt.username",
            None,
            "check mqtt.us",
        ),
        (f"no session with {PLAIN}: [Errno 104] Connection reset by peer{WRONG_PORT}", None, "try mqtts://"),
        (f"no session with {SECURE}: reset by peer{WRONG_PORT}{NO_CERTIFICATE}", None, "may require a client"),
        ("", None, "check mqtt.username"),
    ],
)
def test_advice_follows_from_the_connection_error(problem, cert_file, words):
    addresses = (BrokerAddress.parse(SECURE), BrokerAddress.parse(PLAIN))
    finding = no_session(problem, mqtt_settings(*addresses, tls=tls_files(cert_file=cert_file and Path(cert_file))))
    assert finding.status == "error"
    assert words in finding.advice
    assert finding.message == (problem.partition(";")[0] or "the broker does not respond")
