import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bridge.errors import Refused, Unavailable
from bridge.kinesis.credentials import machine
from tests.kinesis.credentials.ask import credentials, printing

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


def test_a_profile_of_the_shared_files_is_used(bare_machine):
    (bare_machine / "credentials").write_text("[plant]\naws_access_key_id = F\naws_secret_access_key = G\n")
    assert credentials("profile", name="plant").access_key == "F"


def test_a_profile_wins_over_the_environment(bare_machine, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "other")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    (bare_machine / "credentials").write_text("[plant]\naws_access_key_id = F\naws_secret_access_key = G\n")
    assert credentials("profile", name="plant").access_key == "F"


def test_a_profile_that_is_not_there_is_refused_by_its_name(bare_machine):
    with pytest.raises(Refused) as refused:
        credentials("profile", name="plont")
    assert "plont" in refused.value.detail


def test_a_profile_may_have_a_process_of_its_own(bare_machine, tmp_path):
    command = printing(tmp_path, {"Version": 1, "AccessKeyId": "P", "SecretAccessKey": "Q"})
    (bare_machine / "config").write_text(f"[profile plant]\ncredential_process = {command}\n")
    assert credentials("profile", name="plant").access_key == "P"


def test_a_process_gives_credentials(tmp_path):
    answer = {"Version": 1, "AccessKeyId": "P", "SecretAccessKey": "Q", "SessionToken": "R"}
    assert credentials("process", command=printing(tmp_path, answer))[:3] == ("P", "Q", "R")


@pytest.mark.parametrize(
    "answer", ["hunter2", "{}", '{"Version": 2}', '{"Version": 1, "AccessKeyId": "hunter2"}', "[]", '{"Version": []}']
)
def test_a_process_that_prints_something_else_is_refused_and_not_shown(tmp_path, answer):
    with pytest.raises(Refused) as refused:
        credentials("process", command=printing(tmp_path, answer))
    assert "AccessKeyId" in refused.value.hint
    assert "hunter2" not in str(refused.value) + refused.value.hint


def test_a_process_that_fails_may_work_later(tmp_path):
    with pytest.raises(Unavailable) as unavailable:
        credentials("process", command="false")
    assert "'false' ended with 1" in unavailable.value.detail


def test_a_process_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(Refused) as refused:
        credentials("process", command=f"{tmp_path}/none --plant pdx")
    assert "cannot be run" in refused.value.detail


def test_a_process_that_hangs_is_ended(monkeypatch):
    monkeypatch.setattr(machine, "PROCESS_SECS", 0.1)
    with pytest.raises(Unavailable) as unavailable:
        credentials("process", command="sleep 60")
    assert "has not ended" in unavailable.value.detail
