"""The AWS IoT credentials provider and IAM Roles Anywhere: TLS servers of the test's own, answering as documented."""

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bridge.errors import Refused, Unavailable
from tests.kinesis.credentials.ask import credentials
from tests.rig.certificates import Authority

ACCOUNT = "123456789012"
IOT = {
    "credentials": {
        "accessKeyId": "IOTKEY",
        "secretAccessKey": "iot-secret",
        "sessionToken": "iot-token",
        "expiration": "2099-01-01T00:00:00Z",
    }
}
ANYWHERE = {"credentialSet": [{"credentials": {**IOT["credentials"], "accessKeyId": "RAKEY"}}]}


class Endpoint(BaseHTTPRequestHandler):
    """https://docs.aws.amazon.com/iot/latest/developerguide/authorizing-direct-aws.html and
    https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-create-session.html"""

    def do_GET(self):
        peer = self.connection.getpeercert()
        self.server.seen.append((self.path, peer, dict(self.headers), b""))
        self._answer(IOT)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, None, dict(self.headers), body))
        self._answer(ANYWHERE)

    def _answer(self, good):
        status, body = self.server.answer or (200, json.dumps(good))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        """Tests are quiet."""


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A handshake that fails is what some tests are about."""


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "authority")


@pytest.fixture
def serve(authority):
    """serve(verify=True): the server, with its `port`, what it has `seen` and the (status, body) of its `answer`."""
    servers = []

    def start(*, verify):
        server = Server(("127.0.0.1", 0), Endpoint)
        server.seen, server.answer = [], None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.server())
        if verify:
            context.load_verify_locations(authority.ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        return server

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def device(authority, name="device"):
    cert_file, key_file = authority.client(name)
    return {"cert_file": str(cert_file), "key_file": str(key_file), "ca_file": str(authority.ca_file)}


def iot(server, **settings):
    return credentials("iot", endpoint=f"127.0.0.1:{server.server_port}", role_alias="edge", **settings)


def test_a_devices_certificate_gives_credentials_by_its_role_alias(serve, authority):
    server = serve(verify=True)
    assert iot(server, thing_name="press-shop", **device(authority))[:3] == ("IOTKEY", "iot-secret", "iot-token")
    [(path, peer, headers, _)] = server.seen
    assert path == "/role-aliases/edge/credentials"
    assert headers["x-amzn-iot-thingname"] == "press-shop"
    assert dict(pair for [pair] in peer["subject"])["commonName"] == "device"


@pytest.mark.parametrize(
    ("status", "words"), [(403, "iot:AssumeRoleWithCertificate"), (404, "role alias"), (400, "thing_name")]
)
def test_what_aws_iot_refuses_comes_with_what_to_do(serve, authority, status, words):
    server = serve(verify=True)
    server.answer = status, json.dumps({"message": "no"})
    with pytest.raises(Refused) as refused:
        iot(server, **device(authority))
    assert words in refused.value.hint


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_tried_again(serve, authority, status):
    server = serve(verify=True)
    server.answer = status, "busy"
    with pytest.raises(Unavailable):
        iot(server, **device(authority))


@pytest.mark.parametrize("body", ["<html>", "{}", '{"credentials": {"accessKeyId": "hunter2"}}'])
def test_an_answer_without_credentials_is_refused_and_not_shown(serve, authority, body):
    server = serve(verify=True)
    server.answer = 200, body
    with pytest.raises(Refused) as refused:
        iot(server, **device(authority))
    assert "describe-endpoint" in refused.value.hint
    assert "hunter2" not in str(refused.value)


def test_a_certificate_of_another_authority_gives_nothing(serve, authority, tmp_path):
    server = serve(verify=True)
    stranger = {**device(Authority(tmp_path / "other", "another")), "ca_file": str(authority.ca_file)}
    with pytest.raises((Refused, Unavailable)):
        iot(server, **stranger)
    assert server.seen == []


def test_an_endpoint_that_is_not_trusted_gets_nothing(serve, authority, tmp_path):
    server = serve(verify=True)
    settings = {**device(authority), "ca_file": str(Authority(tmp_path / "other").ca_file)}
    with pytest.raises(Refused) as refused:
        iot(server, **settings)
    assert "certificate" in refused.value.hint


def test_a_key_of_another_certificate_is_named(serve, authority):
    settings = device(authority) | {"key_file": str(authority.client("other")[1])}
    with pytest.raises(Refused) as refused:
        iot(serve(verify=True), **settings)
    assert "other.key" in refused.value.detail


def anywhere(server, authority, **settings):
    arn = f"arn:aws:rolesanywhere:us-east-1:{ACCOUNT}:"
    return credentials(
        "roles_anywhere",
        endpoint=f"127.0.0.1:{server.server_port}",
        trust_anchor_arn=f"{arn}trust-anchor/1",
        profile_arn=f"{arn}profile/1",
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/edge",
        **(device(authority) | settings),
    )


def test_a_trust_anchors_certificate_gives_credentials(serve, authority):
    server = serve(verify=False)
    assert anywhere(server, authority, duration_secs=1800)[:3] == ("RAKEY", "iot-secret", "iot-token")
    [(path, _, headers, body)] = server.seen
    asked = json.loads(body)
    assert path == "/sessions"
    assert headers["Authorization"].startswith("AWS4-X509-ECDSA-SHA256 Credential=")
    assert (asked["roleArn"], asked["durationSeconds"]) == (f"arn:aws:iam::{ACCOUNT}:role/edge", 1800)


def test_what_roles_anywhere_refuses_comes_with_what_to_do(serve, authority):
    server = serve(verify=False)
    server.answer = 403, json.dumps({"message": "Untrusted certificate. Insufficient certificate"})
    with pytest.raises(Refused) as refused:
        anywhere(server, authority)
    assert "Untrusted certificate" in refused.value.detail
    assert "trust anchor" in refused.value.hint
    server.answer = 500, ""
    with pytest.raises(Unavailable):
        anywhere(server, authority)
