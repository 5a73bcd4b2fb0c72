"""Endpoints, and a proxy that requires a login."""

import contextlib
import logging
import select
import socket
import ssl
import threading
from base64 import b64encode

import pytest

from bridge.errors import Refused
from bridge.kinesis.client_cache import PublisherSettings
from bridge.kinesis.service_endpoints import service_endpoints
from bridge.model import Destination
from tests.fakes.kinesis import KinesisStandIn
from tests.fakes.stream_queue import records
from tests.harness.certificates import Authority
from tests.kinesis.conftest import TOKEN, publisher_for

PASSWORD = "hunter2/7"


@pytest.mark.parametrize(
    ("settings", "kinesis", "sts"),
    [
        ({}, "kinesis.eu-central-1.amazonaws.com", "sts.eu-central-1.amazonaws.com"),
        ({"dual_stack": True}, "kinesis.eu-central-1.api.aws", "sts.eu-central-1.api.aws"),
    ],
)
def test_endpoints_are_those_of_the_region(settings, kinesis, sts):
    assert endpoints("eu-central-1", **settings) == (f"https://{kinesis}", f"https://{sts}")


@pytest.mark.parametrize(
    ("settings", "kinesis", "sts"),
    [
        ({"fips": True}, "kinesis-fips.us-east-1.amazonaws.com", "sts-fips.us-east-1.amazonaws.com"),
        ({"fips": True, "dual_stack": True}, "kinesis-fips.us-east-1.api.aws", "sts-fips.us-east-1.api.aws"),
    ],
)
def test_fips_endpoints_are_those_of_aws(settings, kinesis, sts):
    assert endpoints("us-east-1", **settings) == (f"https://{kinesis}", f"https://{sts}")


def test_endpoint_that_is_given_is_that_of_its_service_only():
    given = endpoints(
        "us-east-1", endpoint_url="https://vpce-1.kinesis.test:8443", sts_endpoint_url="http://sts.test:1"
    )
    assert given == ("https://vpce-1.kinesis.test:8443", "http://sts.test:1")
    assert (
        endpoints("us-east-1", endpoint_url="https://vpce-1.vpce.amazonaws.com")[1]
        == "https://sts.us-east-1.amazonaws.com"
    )


def endpoints(region, **settings):
    how = PublisherSettings(region, TOKEN, **settings)
    kinesis, sts = service_endpoints(how, [Destination("telemetry")])
    assert (kinesis.use, sts.use[:4]) == ("Kinesis", "STS:")
    return kinesis.url, sts.url


class LoginProxy:
    """Proxy that opens tunnels for clients with the right password, and counts them."""

    def __init__(self):
        self.tunnels = 0
        self._login = b64encode(f"plant:{PASSWORD}".encode()).decode()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                with client, contextlib.suppress(OSError):
                    self._answer(client)

    def _answer(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        if f"Basic {self._login}" not in head.decode():
            client.sendall(b"HTTP/1.1 407 Login\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n")
            return
        self.tunnels += 1
        host, port = head.split()[1].decode().split(":")
        with socket.create_connection((host, int(port))) as server:
            client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            while True:
                for side in select.select([client, server], [], [])[0]:
                    data = side.recv(65536)
                    if not data:
                        return
                    (server if side is client else client).sendall(data)


@pytest.fixture
def behind_proxy(tmp_path):
    """Yield (stand-in with TLS, a proxy for it, the file of its CA certificate)."""
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.server())
    with KinesisStandIn({"telemetry": 1}, tls=context) as kinesis, LoginProxy() as proxy:
        yield kinesis, proxy, str(authority.ca_file)


def test_records_pass_a_proxy_with_a_login_and_an_own_ca(behind_proxy, caplog):
    caplog.set_level(logging.DEBUG)
    kinesis, proxy, ca_file = behind_proxy
    login = "plant:hunter2%2F7"
    publisher = publisher_for(kinesis.url, proxy_url=f"http://{login}@127.0.0.1:{proxy.port}", ca_file=ca_file)
    assert len(publisher.put_records("telemetry", records(3))) == 3
    publisher.close()
    assert (proxy.tunnels, len(kinesis.streams["telemetry"].stored)) == (1, 3)
    assert "hunter2" not in caplog.text


def test_proxy_that_requests_a_login_reports_it_and_shows_none(behind_proxy):
    kinesis, proxy, ca_file = behind_proxy
    publisher = publisher_for(kinesis.url, proxy_url=f"http://plant:secret@127.0.0.1:{proxy.port}", ca_file=ca_file)
    with pytest.raises(Refused) as refused:
        publisher.put_records("telemetry", records(1))
    assert "kinesis.proxy_url" in refused.value.hint
    assert "secret" not in f"{refused.value} {refused.value.hint}"
    assert proxy.tunnels == 0
