import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bridge.errors import Refused, Unavailable
from bridge.kinesis.credentials import AUTHENTICATION, Authentication, authenticated_session

ROLE = {
    "Code": "Success",
    "AccessKeyId": "AKIDROLE",
    "SecretAccessKey": "role-secret",
    "Token": "role-token",
    "Expiration": "2099-01-01T00:00:00Z",
}


class InstanceMetadata(BaseHTTPRequestHandler):
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html"""

    def do_PUT(self):
        self._reply(200 if self.server.version_2 else 404, b"a-session-token")

    def do_GET(self):
        if self.server.version_2 and self.headers.get("x-aws-ec2-metadata-token") != "a-session-token":
            self._reply(401, b"")
        elif self.path.endswith("/security-credentials/"):
            self._reply(200, b"edge-role")
        else:
            self._reply(200, json.dumps(ROLE).encode())

    def _reply(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Tests are quiet."""


@pytest.fixture
def metadata(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), InstanceMetadata)
    server.version_2 = True
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED", raising=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
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


def credentials(type_, **settings):
    return authenticated_session(Authentication(type_, settings)).get_credentials().get_frozen_credentials()


def test_a_token_is_taken_as_it_is():
    assert credentials("token", access_key_id="A", secret_access_key="B")[:3] == ("A", "B", None)
    assert credentials("token", access_key_id="A", secret_access_key="B", session_token="C")[:3] == ("A", "B", "C")


def test_a_token_wins_over_the_environment(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "other")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    assert credentials("token", access_key_id="A", secret_access_key="B").access_key == "A"


def test_the_role_of_an_instance_is_used(metadata):
    assert credentials("ec2_role")[:3] == ("AKIDROLE", "role-secret", "role-token")


def test_the_role_wins_over_the_environment(metadata, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "other")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    assert credentials("ec2_role").access_key == "AKIDROLE"


def test_version_1_of_the_metadata_service_is_never_used(metadata):
    metadata.version_2 = False
    with pytest.raises(Unavailable):
        credentials("ec2_role")


def test_a_metadata_service_that_does_not_answer_may_come_back(metadata, monkeypatch):
    metadata.shutdown()
    metadata.server_close()
    with pytest.raises(Unavailable) as unavailable:
        credentials("ec2_role")
    assert "IMDSv2" in unavailable.value.detail


def test_the_chain_reads_the_environment(bare_machine, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "A")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "B")
    assert credentials("default").access_key == "A"


def test_the_chain_reads_the_shared_file(bare_machine):
    (bare_machine / "credentials").write_text("[default]\naws_access_key_id = F\naws_secret_access_key = G\n")
    assert credentials("default").access_key == "F"


def test_an_empty_chain_is_refused_with_what_to_do(bare_machine):
    with pytest.raises(Refused) as refused:
        credentials("default")
    assert "AWS_ACCESS_KEY_ID" in refused.value.hint


@pytest.mark.parametrize("type_", AUTHENTICATION)
def test_no_type_shows_its_settings(type_):
    assert "hunter2" not in repr(Authentication(type_, {"secret_access_key": "hunter2"}))
