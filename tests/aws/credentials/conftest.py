"""Sources of credentials: the AWS IoT credentials provider, IAM Roles Anywhere and the instance metadata service.

Each responds as documented, with the credentials that `give()` of its server returns: (access key id, secret, token,
expiration).
"""

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.harness.certificates import Authority

NEVER = "2099-01-01T00:00:00Z"


def device(authority, name="device"):
    """Settings with a certificate of this authority."""
    cert_file, key_file = authority.client(name)
    return {"cert_file": str(cert_file), "key_file": str(key_file), "ca_file": str(authority.ca_file)}


def named(given, names):
    return dict(zip(names, given, strict=True))


def iot_answer(server):
    names = ("accessKeyId", "secretAccessKey", "sessionToken", "expiration")
    return {"credentials": named(server.give(), names)}


def anywhere_answer(server):
    return {"credentialSet": [iot_answer(server)]}


class Endpoint(BaseHTTPRequestHandler):
    """https://docs.aws.amazon.com/iot/latest/developerguide/authorizing-direct-aws.html and
    https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-create-session.html"""

    def do_GET(self):
        peer = self.connection.getpeercert()
        self.server.seen.append((self.path, peer, dict(self.headers), b""))
        self._answer(iot_answer(self.server))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, None, dict(self.headers), body))
        self._answer(anywhere_answer(self.server))

    def _answer(self, good):
        status, body = self.server.answer or (200, json.dumps(good))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        """Log nothing."""


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Ignore failed handshakes, which some tests cause on purpose."""


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "authority")


@pytest.fixture
def serve(authority):
    """Return a function that starts a server. The server has `seen` requests, and may return another `answer`."""
    servers = []

    def start(*, verify):
        server = Server(("127.0.0.1", 0), Endpoint)
        server.seen, server.answer = [], None
        server.give = lambda: ("AKIDCERT", "cert-secret", "cert-token", NEVER)
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


class InstanceMetadata(BaseHTTPRequestHandler):
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html"""

    def do_PUT(self):
        if self.server.silent:
            self.server.released.wait(30)
        self._reply(200 if self.server.version_2 else 404, b"a-session-token")

    def do_GET(self):
        if self.server.version_2 and self.headers.get("x-aws-ec2-metadata-token") != "a-session-token":
            self._reply(401, b"")
        elif self.path.endswith("/security-credentials/"):
            self._reply(200, b"edge-role")
        else:
            names = ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")
            self._reply(200, json.dumps({"Code": "Success", **named(self.server.give(), names)}).encode())

    def _reply(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Log nothing."""


class Metadata(Server):
    """Metadata service.

    `version_2`: the service has only IMDSv2. `silent`: the service does not respond to requests for a token.
    """


@pytest.fixture
def metadata(monkeypatch):
    server = Metadata(("127.0.0.1", 0), InstanceMetadata)
    server.version_2, server.silent, server.released = True, False, threading.Event()
    server.give = lambda: ("AKIDROLE", "role-secret", "role-token", NEVER)
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED", raising=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def bare_machine(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    return tmp_path
