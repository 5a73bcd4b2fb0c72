"""Check of one endpoint: the first step that fails decides what the finding advises."""

import socket
import ssl
import threading

import pytest

from bridge.tools.doctor.network import Endpoint, _shown, reach
from tests.harness.certificates import Authority


def test_name_without_an_address_and_a_certificate_that_is_not_trusted(tmp_path):
    [nowhere] = reach(Endpoint("broker.address", "broker", "no-such-host.invalid", 1883))
    assert "cannot resolve" in nowhere.message
    authority, listener = Authority(tmp_path), socket.create_server(("127.0.0.1", 0))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.server())
    port = listener.getsockname()[1]

    def serve():
        for _ in range(2):
            try:
                context.wrap_socket(listener.accept()[0], server_side=True).close()
            except OSError:
                continue

    thread = threading.Thread(target=serve)
    thread.start()
    [stranger] = reach(Endpoint("broker.address", "broker", "127.0.0.1", port, ssl.create_default_context, "mqtt.tls"))
    trusting = ssl.create_default_context(cafile=authority.ca_file)
    [trusted] = reach(Endpoint("broker.address", "broker", "127.0.0.1", port, lambda: trusting))
    thread.join()
    listener.close()
    assert (stranger.status, "not trusted" in stranger.message) == ("error", True)
    assert (trusted.status, "TLSv1" in trusted.message) == ("ok", True)


def test_port_that_refuses_is_reported_with_its_address(free_port):
    endpoint = Endpoint("broker.address", "broker", "127.0.0.1", free_port)
    [finding] = reach(endpoint)
    assert (finding.status, finding.message) == ("error", f"port {free_port}: connection refused")
    assert finding.facts == {"host": "127.0.0.1", "port": free_port, "addresses": ["127.0.0.1"]}


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example", ".example"])
def test_name_that_cannot_be_encoded_is_an_error_of_its_resolution(host):
    [finding] = reach(Endpoint("broker.address", "broker", host, 1883))
    assert (finding.status, f"cannot resolve {host}" in finding.message) == ("error", True)


@pytest.mark.parametrize(
    ("files", "options"), [("mqtt.tls", "mqtt.tls.ca_file, .cert_file, .key_file"), ("kinesis", "see kinesis.ca_file")]
)
def test_tls_file_that_cannot_be_read_is_named_before_any_connection(free_port, files, options):
    def context():
        return ssl.create_default_context(cafile="/no/such/ca.pem")

    [finding] = reach(Endpoint("aws.endpoint", "endpoint", "127.0.0.1", free_port, context, files))
    assert finding.message.startswith("cannot use the TLS files: ")
    assert options in finding.advice


def test_tls_handshake_with_another_protocol_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def respond():
            connection = listener.accept()[0]
            with connection:
                connection.recv(1)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=respond, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        [finding] = reach(Endpoint("aws.endpoint", "endpoint", "127.0.0.1", port, ssl.create_default_context))
        thread.join(10)
    assert finding.message.startswith(f"port {port} is open, but the TLS handshake fails: ")


def test_endpoint_without_tls_is_ok_with_its_connection_time():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        [finding] = reach(Endpoint("broker.address", "broker", "127.0.0.1", listener.getsockname()[1]))
    assert finding.status == "ok"
    assert finding.facts["connect_ms"] >= 0


@pytest.mark.parametrize(
    ("host", "addresses", "text"),
    [
        ("kinesis.eu-west-1.amazonaws.com", ["10.0.0.7", "fe80::1%eth0"], "10.0.0.7, fe80::1%eth0 (a VPC endpoint)"),
        ("kinesis.eu-west-1.amazonaws.com", ["10.0.0.7", "52.1.2.3"], "10.0.0.7, 52.1.2.3"),
        ("broker.plant", ["10.0.0.7"], "10.0.0.7"),
    ],
)
def test_address_of_aws_that_is_private_is_a_vpc_endpoint(host, addresses, text):
    assert _shown(host, addresses) == text
