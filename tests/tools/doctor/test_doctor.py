"""The doctor with a real broker and stand-ins for Kinesis and STS, and with faults of each."""

import io
import json

import pytest

from bridge.cli.commands.doctor import doctor, merge_findings, print_finding
from bridge.errors import ConfigError
from bridge.kinesis.client_cache import PublisherSettings
from bridge.kinesis.service_endpoints import service_endpoints, without_sts
from bridge.model import Destination
from bridge.tools.doctor.broker import checks, inflight_window
from bridge.tools.doctor.finding import CHECKS, failed, info, ok, warning
from tests.cli.builders import BRIDGE, set_up
from tests.harness.ministack import MiniStack, allow
from tests.harness.mosquitto import Mosquitto


@pytest.fixture(scope="module")
def aws():
    with MiniStack() as stack:
        stack.stream("telemetry")
        yield stack


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    monkeypatch.setattr(checks, "LISTEN_SECS", 0.3)
    monkeypatch.setattr(checks, "CONNECT_SECS", 3.0)
    monkeypatch.setattr(inflight_window, "PATIENCE_SECS", 0.3)


def set_up_with(folder, port, aws, key=("test", "test"), mqtt="", **mappings):
    config = set_up(folder, **mappings)
    authentication = f"{{type: token, access_key_id: {key[0]}, secret_access_key: '{key[1]}'}}"
    ends = f"endpoint_url: '{aws.url}', sts_endpoint_url: '{aws.url}'"
    text = BRIDGE.replace("authentication: {type: default}", f"authentication: {authentication}, {ends}")
    config.write_text((text % port).replace("client_id: test", f"client_id: test{mqtt}"))
    return config


def found(config, capsys, *, send=False):
    code = doctor(config, send=send, as_json=True)
    told = json.loads(capsys.readouterr().out)["findings"]
    for each in told:
        assert set(each) == {"check", "subject", "status", "message", "advice", "details", "facts"}
        assert each["check"] in CHECKS
        assert each["status"] == "info" or bool(each["advice"]) == (each["status"] != "ok"), each
    return code, {each["subject"]: each for each in told}


def test_doctor_reports_that_everything_is_ok(tmp_path, mosquitto, aws, capsys):
    config = set_up_with(tmp_path, mosquitto.port, aws)
    code, told = found(config, capsys, send=True)
    assert code == 0, told
    assert f"127.0.0.1:{mosquitto.port}  broker" in told["firewall"]["details"]
    assert {"host": "127.0.0.1", "port": aws.port, "use": "Kinesis", "proxy": ""} in told["firewall"]["facts"][
        "connections"
    ]
    assert told["session"]["status"] == "ok"
    assert told["subscription factory/+/+/telemetry"]["message"] == "granted, QoS 1"
    assert told["credentials"]["message"].startswith("arn:aws:")
    assert "ACTIVE" in told["stream telemetry"]["message"]
    assert told["record to telemetry"]["status"] == "ok"
    assert aws.stored("telemetry")[-1] == b'{"mqtt-kinesis": "doctor"}'
    assert told["clock"]["status"] == "ok"
    assert "kB/s, response after" in told["uplink to us-east-1"]["message"]
    assert "commits/s" in told["disk"]["message"]
    assert "free for records" in told["spool"]["message"]
    doctor(config, send=False, as_json=False)
    assert "✓ session: " in capsys.readouterr().out


def test_doctor_reports_all_problems_together(tmp_path, aws, capsys):
    with Mosquitto(users={"bridge": "right"}) as locked:
        key = aws.user("doctored", allow("kinesis:PutRecords", "*"))
        other = "topic: a\noutputs: [{data_stream: absent}]\n"
        mqtt = ", username: bridge, password: hunter2hunter2"
        config = set_up_with(tmp_path, locked.port, aws, (key[0], "hunter2hunter2"), mqtt, other=other)
        code, told = found(config, capsys)
    assert code == 1
    assert "Not authorized" in told["session"]["message"] or "password" in told["session"]["message"]
    assert "does not match" in told["credentials"]["advice"]
    assert told["stream telemetry"]["status"] == told["stream absent"]["status"] == "error"
    assert told["disk"]["status"] == "ok"
    assert "hunter2" not in json.dumps(told)


def test_port_that_is_closed_is_to_be_opened(tmp_path, free_port, aws, capsys):
    code, told = found(set_up_with(tmp_path, free_port, aws), capsys)
    assert code == 1
    assert "connection refused" in told[f"broker mqtt://127.0.0.1:{free_port}"]["message"]
    assert f"open TCP port {free_port} to 127.0.0.1" in told[f"broker mqtt://127.0.0.1:{free_port}"]["advice"]
    assert "session" not in told


def test_doctor_warns_of_requests_that_are_denied(tmp_path, mosquitto, aws, capsys):
    key = aws.user("writer", allow("kinesis:PutRecords", "*"))
    code, told = found(set_up_with(tmp_path, mosquitto.port, aws, key), capsys)
    assert code == 0, told
    assert told["stream telemetry"]["status"] == "warning"
    assert "aggregates by key" in told["stream telemetry"]["advice"]


def test_sts_that_does_not_respond_is_not_called_no_credentials(tmp_path, mosquitto, aws, free_port, capsys):
    """Without an assumed role, only the doctor and `policy` call STS."""
    config = set_up_with(tmp_path, mosquitto.port, aws)
    text = config.read_text()
    config.write_text(
        text.replace(f"sts_endpoint_url: '{aws.url}'", f"sts_endpoint_url: 'http://127.0.0.1:{free_port}'")
    )
    code, told = found(config, capsys)
    assert code == 0, told
    assert told["credentials"]["status"] == "warning"
    assert told["credentials"]["message"].startswith("identity unknown, STS does not respond: ")
    assert told[f"endpoint http://127.0.0.1:{free_port}"]["status"] == "warning"


def test_send_marks_no_stream_of_manifests(tmp_path, mosquitto, aws, capsys):
    aws.stream("manifests")
    config = set_up_with(tmp_path, mosquitto.port, aws)
    text = config.read_text()
    config.write_text(text.replace("kinesis: {", "kinesis: {manifest: {data_stream: manifests}, "))
    code, told = found(config, capsys, send=True)
    assert code == 0, told
    assert told["record to telemetry"]["status"] == "ok"
    assert "stream manifests" in told
    assert "record to manifests" not in told
    assert aws.stored("manifests") == []


def test_broken_mapping_is_reported_first(tmp_path, aws):
    with pytest.raises(ConfigError):
        doctor(set_up_with(tmp_path, 1, aws, broken="topic: [\n"), send=False, as_json=True)


FINDINGS = [
    ok("aws.stream", "stream s", "ACTIVE", {}, ("two shards",)),
    info("firewall", "firewall", "required outbound connections:"),
    warning("broker.window", "in-flight window", "20 at a time", "raise it"),
    failed("broker.subscription", "subscription värme/\x1b[31m", "refused", "allow it"),
]
PLAIN = (
    "✓ stream s: ACTIVE\n    two shards\ni firewall: required outbound connections:\n"
    "! in-flight window: 20 at a time\n    raise it\n"
    "✗ subscription värme/\\x1b[31m: refused\n    allow it\n"
)


def shown(monkeypatch, encoding):
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr("sys.stdout", out)
    for finding in FINDINGS:
        print_finding(finding)
    return out.buffer.getvalue().decode()


def test_doctor_output_to_a_pipe_is_plain_text(monkeypatch):
    assert shown(monkeypatch, "utf-8") == PLAIN


def test_encoding_without_marks_gets_others(monkeypatch):
    assert shown(monkeypatch, "ascii") == PLAIN.replace("✓", "+").replace("✗", "x").replace("värme", "v\\xe4rme")


@pytest.mark.parametrize(
    ("endpoint", "sts", "without"),
    [
        ("http://127.0.0.1:4567", None, True),
        ("http://127.0.0.1:4567", "http://127.0.0.1:4568", False),
        ("https://vpce-1.kinesis.eu-west-1.vpce.amazonaws.com", None, False),
        (None, None, False),
    ],
)
def test_emulator_without_sts_gets_no_request_for_the_identity(endpoint, sts, without):
    settings = PublisherSettings("eu-west-1", endpoint_url=endpoint, sts_endpoint_url=sts)
    assert without_sts(settings) is without
    uses = [each.use for each in service_endpoints(settings, [Destination("s")])]
    assert any("doctor and policy only" in use for use in uses) is not without


def test_streams_with_the_same_error_are_one_finding_for_a_person():
    refused = [failed("aws.stream", f"stream {name}", "connection refused", "see the endpoint") for name in "abc"]
    other = failed("aws.stream", "stream d", "not found", "create it")
    fine = [ok("aws.stream", f"stream {name}", "ACTIVE") for name in "ef"]
    subjects = [each.subject for each in merge_findings([*refused, other, *fine])]
    assert subjects == ["stream a, b, c", "stream d", "stream e", "stream f"]
