"""Configuration, shards and doctor on the page."""

import sys

import pytest

from bridge.config.effective_options import effective_options
from bridge.delivery.shard_status import ShardStatus, StreamShards
from bridge.monitoring.configuration import Configuration
from bridge.web import doctor_run
from tests.integration.arrivals import eventually
from tests.web.conftest import TOKEN, VIEW_TOKEN

FINDING = {"check": "disk.sync", "subject": "disk", "status": "ok", "message": "fast", "advice": "", "details": []}
SECRETS = ("the-secret-of-the-broker", "a-token-of-16-characters", "the-session-token", "user:pass")


@pytest.fixture
def doctor(bridge, monkeypatch, tmp_path):
    """doctor(code): the page's doctor is a Python program, `code`."""

    def make(code):
        bridge.configuration = Configuration(tmp_path / "bridge.yaml", ())
        monkeypatch.setattr("bridge.web.endpoints.system.doctor_command", lambda _: [sys.executable, "-c", code])

    return make


def headers(token):
    return {"X-Mqtt-Kinesis": "page", "Authorization": f"Bearer {token}"}


def start(client, token=TOKEN):
    return client.post("/api/doctor", headers=headers(token))


def ended(client):
    """Return the state after the run."""
    state = {}

    def has_ended():
        state.update(client.get("/api/doctor", headers=headers(TOKEN)).json())
        return not state["running"]

    eventually(has_ended, "doctor ends", timeout_secs=60)
    return state


def test_doctor_runs_once_at_a_time_and_shows_its_findings(site, doctor):
    doctor(f"import json; print(json.dumps({{'findings': [{FINDING!r} | {{'facts': {{'a': 1}}}}]}}))")
    client = site(TOKEN)
    assert start(client).json()["running"]
    state = ended(client)
    assert (state["findings"], state["problem"]) == ([FINDING], "")
    assert state["ended_ms"] >= state["started_ms"]


def test_second_run_is_refused_while_the_first_has_not_ended(site, doctor):
    doctor("import time; time.sleep(600)")
    client = site(TOKEN)
    start(client)
    refused = start(client)
    assert (refused.status_code, refused.json()) == (409, {"error": "doctor is running: wait for its findings"})


def test_run_beyond_its_deadline_is_ended(site, doctor, monkeypatch):
    monkeypatch.setattr(doctor_run, "DEADLINE_SECS", 0.2)
    doctor("import time; time.sleep(600)")
    client = site(TOKEN)
    start(client)
    assert "did not end within" in ended(client)["problem"]


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("import sys; sys.exit('bridge.yaml: no such file')", "doctor printed no findings: bridge.yaml: no such file"),
        ("print('x' * 10_000_000)", "doctor printed no findings"),
        ("print('[1]')", "doctor printed no findings"),
    ],
    ids=["error", "endless", "other"],
)
def test_run_without_findings_says_why(site, doctor, code, problem):
    doctor(code)
    client = site(TOKEN)
    start(client)
    assert ended(client)["problem"] == problem


def test_doctor_requires_the_role_edit_and_a_configuration(site, bridge, doctor):
    client = site(TOKEN, view_token=VIEW_TOKEN)
    assert start(client).status_code == 409
    doctor("")
    assert start(client, VIEW_TOKEN).status_code == 403
    assert client.get("/api/doctor", headers=headers(VIEW_TOKEN)).status_code == 200


def test_configuration_has_values_and_sources_and_no_secret(site, bridge, tmp_path):
    (tmp_path / "password").write_text("the-secret-of-the-broker\n")
    file = tmp_path / "other.yaml"
    file.write_text(
        "mqtt: {url: 'mqtt://${HOST}:1883', client_id: press-shop, username: u, password: '${file:password}'}\n"
        "kinesis:\n  region: eu-west-1\n  proxy_url: http://user:pass@proxy:3128\n"
        "  authentication: {type: token, access_key_id: AKIAIOSFODNN7EXAMPLE, secret_access_key: '${KEY}', "
        "session_token: the-session-token}\n"
        "http: {token: a-token-of-16-characters}\n"
    )
    bridge.configuration = effective_options(file, {"HOST": "broker.example", "KEY": "the-secret-of-the-broker"})
    response = site().get("/api/configuration")
    assert not [secret for secret in (*SECRETS, "AKIAIOSFODNN7EXAMPLE") if secret in response.text]
    options = {each["name"]: each for each in response.json()["options"]}

    def brief(name):
        return tuple(options[name][field] for field in ("value", "is_set", "secret", "source", "references"))

    assert brief("mqtt.url") == ("mqtt://broker.example:1883", True, False, "environment", ["${HOST}"])
    assert brief("mqtt.client_id") == ("press-shop", True, False, "file", [])
    assert brief("mqtt.password") == ("", True, True, "secret file", ["${file:password}"])
    assert brief("mqtt.tls.ca_file") == ("", False, False, "default", [])
    assert brief("kinesis.proxy_url") == ("", True, True, "file", [])
    assert brief("kinesis.authentication.secret_access_key") == ("", True, True, "environment", ["${KEY}"])
    assert brief("http.token") == ("", True, True, "file", [])
    assert brief("http.view_token") == ("", False, True, "default", [])
    assert brief("spool.max_bytes")[3] == "default"


def test_configuration_of_a_bridge_without_a_file_is_empty(site):
    assert site().get("/api/configuration").json() == {"file": "", "options": []}


def test_shards_are_shown_as_the_senders_know_them(site, bridge):
    shard = ShardStatus("shardId-0", "0", str(2**128 - 1), 0.5, 0.25, 250.0, 1.5, 3.0, 40, deferred=True)
    bridge.streams = [StreamShards("telemetry", "by_key", complete=True, shards=(shard,))]
    (stream,) = site().get("/api/shards").json()["streams"]
    assert (stream["stream"], stream["complete"]) == ("telemetry", True)
    assert stream["shards"][0]["last_hash"] == str(2**128 - 1)
