"""Command `support-bundle`: the archive contains all parts, and no secret."""

import http.server
import json
import stat
import tarfile
import threading
from pathlib import Path

import pytest

from bridge.cli.commands.support_bundle import support_bundle
from bridge.tools.support import contents
from tests.harness.cli_runner import called

MARK = "S3CRET"
SECRETS = {
    "mqtt": 'mqtt-"S3CRET"\\1',
    "key": "key-S3CRET-2",
    "session": "session/S3CRET+3",
    "id": "AKIAS3CRET4XXXXXXXX",
    "proxy": "proxy-S3CRET-5",
    "page": "page-S3CRET-6-of-the-plant",
}
CONFIG = """\
# an old password: comment-S3CRET
mqtt:
  url: mqtt://127.0.0.1:1
  client_id: press-shop
  username: bridge
  password: ${{MQTT_PASSWORD}}
  tls: {{key_password: pem-S3CRET-7}}
kinesis:
  region: eu-west-1
  proxy_url: "http://user:{proxy}@127.0.0.1:3128"
  authentication: {{type: token, access_key_id: "{id}", secret_access_key: "${{file:key}}", session_token: "{session}"}}
http: {{listen: "127.0.0.1:{port}", token: "{page}"}}
unknown: {{option: unknown-S3CRET}}
"""
MAPPING = r"""
topic: a/{x}
# never use mqtt-"S3CRET"\1 or page-S3CRET-6-of-the-plant
outputs: [{data_stream: telemetry}]
"""
EXPECTED = {
    *("versions.json", "configuration.json", "configuration-problems.txt", "status.json", "metrics.txt", "log.txt"),
    "mappings/m.yaml",
}


class Page(http.server.BaseHTTPRequestHandler):
    """Page whose metrics contain the token of the request. The command must remove the token."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"mqtt_kinesis_ready 1\n# {self.headers['Authorization']}\n".encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def page():
    server = http.server.HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def folder(tmp_path, page, monkeypatch):
    monkeypatch.setenv("MQTT_PASSWORD", SECRETS["mqtt"])
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "m.yaml").write_text(MAPPING)
    (tmp_path / "key").write_text(SECRETS["key"])
    text = CONFIG.format(port=page, **SECRETS)
    (tmp_path / "bridge.yaml").write_text(text)
    forms = [json.dumps(secret) for secret in SECRETS.values()] + list(SECRETS.values())
    (tmp_path / "bridge.log").write_text("\n".join(f"error  refused: {form}" for form in forms))
    return tmp_path


def bundle(folder, *options):
    """Run the command, and return the texts in the archive by file name."""
    done = called(folder, "support-bundle", "-o", "ticket.tar.gz", "--no-doctor", "--log", "bridge.log", *options)
    assert done.returncode == 0, done.stderr
    with tarfile.open(folder / "ticket.tar.gz") as archive:
        return {each.name.partition("/")[2]: archive.extractfile(each).read().decode() for each in archive}


def test_bundle_has_everything_and_no_secret(folder):
    texts = bundle(folder)
    assert set(texts) == EXPECTED
    assert [name for name, text in texts.items() if MARK in text] == []
    assert json.loads(texts["configuration.json"])["mqtt"]["client_id"] == "press-shop"
    assert json.loads(texts["configuration.json"])["mqtt"]["password"] == "${MQTT_PASSWORD}"
    assert "unknown" in texts["configuration-problems.txt"]
    assert texts["status.json"].startswith("not available: ")
    assert texts["log.txt"].count("error  refused: ") == 2 * len(SECRETS)


def test_bundle_of_a_valid_configuration_has_the_metrics(folder):
    config = folder / "bridge.yaml"
    lines = [line for line in config.read_text().splitlines() if "unknown" not in line and "key_password" not in line]
    config.write_text("\n".join(lines))
    texts = bundle(folder)
    assert texts["configuration-problems.txt"] == ""
    assert texts["metrics.txt"].startswith("mqtt_kinesis_ready 1\n")
    assert [name for name, text in texts.items() if MARK in text] == []


@pytest.mark.parametrize(
    ("options", "missing"), [((), True), (("--log", "none.log"), True), (("--log", "bridge.log"), False)]
)
def test_bundle_without_a_log_shows_how_to_include_one(folder, options, missing):
    done = called(folder, "support-bundle", "-o", "ticket.tar.gz", "--no-doctor", *options)
    assert (done.returncode, "It contains no log: " in done.stdout) == (0, missing)
    assert ("--log FILE" in done.stdout) is missing


def test_bundle_can_be_read_by_its_owner_only(folder):
    bundle(folder)
    assert stat.S_IMODE((folder / "ticket.tar.gz").stat().st_mode) == 0o600
    with tarfile.open(folder / "ticket.tar.gz") as archive:
        assert {each.mode for each in archive} == {0o600}


def test_bundle_is_not_written_over_a_file(folder):
    (folder / "ticket.tar.gz").write_text("mine")
    done = called(folder, "support-bundle", "-o", "ticket.tar.gz", "--no-doctor")
    assert (done.returncode, "exists already" in done.stderr) == (1, True)
    assert (folder / "ticket.tar.gz").read_text() == "mine"


def test_bundle_without_a_configuration_names_the_reason(tmp_path):
    (tmp_path / "bridge.log").write_text("x")
    texts = bundle(tmp_path)
    assert texts["configuration.json"] == "not available: bridge.yaml: no such file"
    assert "bridge.yaml: no such file" in texts["mappings.txt"]


def test_bundle_names_the_reason_for_each_unreadable_mapping_file(folder, monkeypatch):
    def text(file):
        if file.name == "n.yaml":
            raise PermissionError(13, "Permission denied")
        return file.read_text()

    monkeypatch.chdir(folder)
    monkeypatch.setattr(contents, "mapping_text", text)
    (folder / "mappings" / "n.yaml").write_text(MAPPING)
    assert support_bundle(Path("bridge.yaml"), Path("t.tar.gz"), folder / "bridge.log", doctor=False) == 0
    with tarfile.open(folder / "t.tar.gz") as archive:
        texts = {each.name.partition("/")[2]: archive.extractfile(each).read().decode() for each in archive}
    assert "topic" in texts["mappings/m.yaml"]
    assert texts["mappings/n.yaml"] == "not available: [Errno 13] Permission denied"
