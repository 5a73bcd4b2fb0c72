"""Texts of TLS failures, against a real broker."""

import datetime as dt
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from bridge.mqtt.broker_address import BrokerAddress
from bridge.mqtt.reason_texts import error_text, subscription_text
from tests.harness.certificates import Authority
from tests.harness.mosquitto import Mosquitto
from tests.harness.mqtt_settings import tls_files
from tests.mqtt.polling import poll_until, poll_until_subscribed, subscriber

DAY = dt.timedelta(days=1)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("plant"))


def problem(broker, tls, *, scheme="mqtts", port=None):
    at = subscriber(addresses=(BrokerAddress(scheme, "127.0.0.1", port or broker.tls_port),), tls=tls)
    poll_until(at, lambda _: at.state().problem)
    at.close()
    return at.state().problem


class OneServer(Authority):
    """An authority that issues the server's certificate with these options."""

    def __init__(self, folder, **options):
        super().__init__(folder)
        self._options = options

    def server(self, **_options):
        return super().server(**self._options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"valid_for": -DAY}, "the broker's certificate, or a CA certificate that signed it, has expired; renew it"),
        ({"address": "127.0.0.9"}, "the broker's certificate is for another IP address; use a host name"),
    ],
)
def test_certificate_of_the_broker_names_the_true_cause(tmp_path, options, words):
    authority = OneServer(tmp_path / "ca", **options)
    with Mosquitto(authority=authority) as broker:
        assert words in problem(broker, tls_files(ca_file=authority.ca_file))


def test_certificate_of_another_ca_names_the_true_cause(tmp_path, authority):
    with Mosquitto(authority=authority) as broker:
        said = problem(broker, tls_files(ca_file=Authority(tmp_path / "other").ca_file))
        assert "give it as mqtt.tls.ca_file" in said
        assert "host name" not in said.partition("[")[0]


@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        (None, "the broker requires a client certificate: set mqtt.tls.cert_file and mqtt.tls.key_file"),
        ({"valid_for": -DAY}, "the client certificate in mqtt.tls.cert_file has expired: renew it"),
    ],
)
def test_client_certificate_that_the_broker_does_not_accept_is_named(tmp_path, authority, certificate, words):
    files = authority.client("expired", **certificate) if certificate else (None, None)
    with Mosquitto(authority=authority, client_certificates=True) as broker:
        assert words in problem(broker, tls_files(authority.ca_file, *files))


def test_client_certificate_of_another_ca_is_named(tmp_path, authority):
    files = Authority(tmp_path / "other", name="another authority").client("press-shop")
    with Mosquitto(authority=authority, client_certificates=True) as broker:
        assert "mqtt.tls.cert_file" in problem(broker, tls_files(authority.ca_file, *files))


@pytest.mark.parametrize(
    ("scheme", "port", "text"),
    [
        ("mqtts", "port", ""),
        ("mqtt", "tls_port", ""),
        ("ws", "port", ""),
        ("mqtt", "websocket_port", "the response is not MQTT: b'HTTP/"),
        ("wss", "tls_port", "the WebSocket upgrade failed"),
    ],
)
def test_port_of_another_scheme_names_the_schemes(authority, scheme, port, text):
    with Mosquitto(authority=authority, websockets=True) as broker:
        said = problem(broker, tls_files(authority.ca_file), port=getattr(broker, port), scheme=scheme)
        assert text in said
        assert "check the scheme and the port of mqtt.url: mqtt:// is plain TCP, mqtts:// TLS, ws://" in said


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            9,
            "the broker's certificate, or a CA certificate that signed it, is not yet valid; check the clock",
        ),
        (18, "the broker's certificate is self-signed and not trusted"),
        (20, "is not signed by mqtt.tls.ca_file"),
        (62, "the broker's certificate is for another host name"),
        (92, "the broker's certificate cannot be verified (CA cert does not include key usage extension)"),
    ],
)
def test_result_of_the_verification_has_its_own_words(code, words):
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")
    error.verify_code, error.verify_message = code, "CA cert does not include key usage extension"
    assert error_text(error).startswith(words) or words in error_text(error)


class PlainAuthority(Authority):
    """An authority as `openssl req -x509` makes it: its certificate has no keyUsage."""

    def __init__(self, folder):
        super().__init__(folder)
        own = x509.load_pem_x509_certificate(self.ca_file.read_bytes())
        builder = x509.CertificateBuilder(
            own.issuer,
            own.subject,
            own.public_key(),
            own.serial_number,
            own.not_valid_before_utc,
            own.not_valid_after_utc,
        )
        for each in own.extensions:
            if not isinstance(each.value, x509.KeyUsage):
                builder = builder.add_extension(each.value, each.critical)
        self.ca_file.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


def test_ca_certificate_without_key_usage_is_accepted_on_every_python(tmp_path, monkeypatch):
    """Python 3.13 and later verify strictly by default; older ones do with this flag."""
    made = ssl.create_default_context

    def as_in_3_13(*args, **options):
        context = made(*args, **options)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", as_in_3_13)
    authority = PlainAuthority(tmp_path / "ca")
    with Mosquitto(authority=authority) as broker:
        at = subscriber(
            addresses=(BrokerAddress("mqtts", "127.0.0.1", broker.tls_port),), tls=tls_files(ca_file=authority.ca_file)
        )
        poll_until_subscribed(at)
        at.close()
    assert tls_files().context().verify_flags & ssl.VERIFY_X509_STRICT


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0x87, "Not authorized; permit this client to subscribe to it at the broker"),
        (0x80, "Unspecified error; most likely the broker does not permit this client to subscribe to it"),
        (0x97, "Quota exceeded; raise the broker's limit for this client"),
    ],
)
def test_refused_subscription_does_not_blame_the_credentials(code, text):
    """The session exists, so user name, password and client ID are right."""
    assert subscription_text(ReasonCode(PacketTypes.SUBACK, identifier=code)) == text
