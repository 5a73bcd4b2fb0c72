"""Command `init` with and without a broker. Each test runs `check` on the files that `init` has written."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.cli.commands.init import InitOptions, init
from bridge.errors import BridgeError
from tests.harness.network import free_port
from tests.harness.publisher import Publisher
from tests.integration.arrivals import eventually

ROOT = Path(__file__).parents[3]
SECRET = "s3cret-of-the-broker"


def test_init_proposes_mappings_for_the_brokers_traffic(tmp_path, mosquitto, command, monkeypatch):
    monkeypatch.setenv("MQTT_PASSWORD", SECRET)
    traffic = [(f"factory/pdx/{line}/press0{n}/telemetry", b'{"t": 1}') for line in ("line1", "line2") for n in (1, 2)]
    with Publisher(mosquitto.port) as publisher:
        publisher.publish([*traffic, ("hall/temp", b"21.5")], 1, retain=True)
    url = f"mqtt://127.0.0.1:{mosquitto.port}"
    done = command(tmp_path, "init", "--yes", "--url", url, "--username", "bridge", "--listen-secs", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "wrote mappings/factory-pdx-telemetry.yaml: factory/pdx/{line}/{machine}/telemetry" in done.stdout
    assert done.stdout.startswith("listened to the broker: 5 messages, ")
    assert "(ended by the time limit)" in done.stdout
    assert "export MQTT_PASSWORD=..." in done.stdout
    assert """try -t factory/pdx/line1/press01/telemetry -p '{"t": 1}'""" in done.stdout
    assert all(SECRET not in file.read_text() for file in tmp_path.rglob("*.yaml"))
    checked = command(tmp_path, "check")
    assert (checked.returncode, checked.stdout) == (0, "OK  bridge.yaml, 2 mappings, 2 tests passed\n")


def test_broker_that_cannot_be_reached_is_an_error_and_nothing_is_written(tmp_path, command, monkeypatch):
    monkeypatch.setattr("bridge.cli.commands.capture.CONNECT_SECS", 0.0)
    url = f"mqtt://127.0.0.1:{free_port()}"
    done = command(tmp_path, "init", "--yes", "--url", url, "--listen-secs", "1")
    assert done.returncode == 1
    assert "could not listen to the broker" in done.stderr
    assert "--listen-secs 0" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_init_without_a_broker_repeats_typed_answers_as_options(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("bridge.cli.commands.capture.CONNECT_SECS", 0.0)
    monkeypatch.setenv("MQTT_PASSWORD", SECRET)
    url = f"mqtt://127.0.0.1:{free_port()}"
    typed = io.StringIO(f"{url}\nbob\npress shop\n\n\nmine\n1\n")
    typed.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", typed)
    options = InitOptions({}, ["mqtt.share=a"], "", None, ("#",), None, yes=False, force=False)
    with pytest.raises(BridgeError) as failed:
        init(tmp_path / "bridge.yaml", options)
    last = str(failed.value).splitlines()[-1]
    assert last.startswith(
        f"To repeat this without prompts: mqtt-kinesis init --url {url} --username bob --client-id 'press shop'"
    )
    assert last.endswith(" --set mqtt.share=a --stream mine")
    assert SECRET not in str(failed.value) + capsys.readouterr().err


def test_init_without_a_broker_reports_it_and_writes_an_example(tmp_path, command):
    url = f"mqtt://127.0.0.1:{free_port()}"
    done = command(tmp_path, "init", "--yes", "--url", url, "--listen-secs", "0")
    assert "wrote mappings/example.yaml: an example" in done.stdout
    assert command(tmp_path, "check").returncode == 0


def test_init_overwrites_files_only_with_force(tmp_path, command):
    assert command(tmp_path, "init", "--yes", "--listen-secs", "0").returncode == 0
    before = (tmp_path / "bridge.yaml").read_text()
    again = command(tmp_path, "init", "--yes", "--listen-secs", "0", "--client-id", "other")
    assert (again.returncode, "bridge.yaml exists already; nothing was written" in again.stderr) == (1, True)
    assert (tmp_path / "bridge.yaml").read_text() == before
    assert command(tmp_path, "init", "--yes", "--listen-secs", "0", "--client-id", "other", "--force").returncode == 0
    assert "client_id: other" in (tmp_path / "bridge.yaml").read_text()


def test_existing_mapping_prevents_all_writes(tmp_path, command):
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "example.yaml").write_text("mine")
    done = command(tmp_path, "init", "--yes", "--listen-secs", "0")
    assert (done.returncode, "example.yaml exists already" in done.stderr) == (1, True)
    assert not (tmp_path / "bridge.yaml").exists()
    assert (tmp_path / "mappings" / "example.yaml").read_text() == "mine"


def test_init_writes_options_in_their_types(tmp_path, command):
    wanted = {
        "mqtt.url": '["mqtt://a:1883", "mqtt://b:1883"]',
        "mqtt.keepalive_secs": "60",
        "mqtt.protocol": '"5"',
        "mqtt.share": '"7"',
        "kinesis.fips": "true",
        "spool.max_bytes": "1000000000",
        "http": "null",
    }
    options = [f"--set={name}={text if name == 'mqtt.url' else text.strip(chr(34))}" for name, text in wanted.items()]
    done = command(tmp_path, "init", "--yes", "--listen-secs", "0", *options)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.strip() for line in (tmp_path / "bridge.yaml").read_text().splitlines()]
    for name, text in wanted.items():
        assert f"{name.rpartition('.')[2]}: {text}" in lines
    assert not any(line.startswith("#listen:") for line in lines), "an option of a section that is turned off"
    assert command(tmp_path, "check").returncode == 0


def test_init_refuses_a_value_for_a_section(tmp_path, command):
    done = command(tmp_path, "init", "--yes", "--listen-secs", "0", "--set", "mqtt.tls=ca.pem")
    assert (done.returncode, "--set mqtt.tls: this is a section" in done.stderr) == (2, True)


@pytest.mark.parametrize("option", ["mqtt.password", "kinesis.proxy_url", "http.token"])
def test_secret_given_as_an_option_is_refused_and_not_repeated(tmp_path, command, option):
    done = command(tmp_path, "init", "--yes", "--listen-secs", "0", "--set", f"{option}={SECRET}")
    assert (done.returncode, "secrets are not stored in files" in done.stderr) == (2, True)
    assert SECRET not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_invalid_answer_is_reported_as_check_reports_it(tmp_path, command):
    done = command(tmp_path, "init", "--yes", "--listen-secs", "0", "--url", "http://x")
    assert (done.returncode, "mqtt.url: " in done.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_password_in_the_url_is_refused_and_shown_nowhere(tmp_path, command):
    done = command(tmp_path, "init", "--yes", "--listen-secs", "0", "--url", f"mqtt://u:{SECRET}@x")
    assert (done.returncode, SECRET in done.stderr + done.stdout) == (2, False)
    assert list(tmp_path.iterdir()) == []


def test_init_with_each_authentication_without_files_passes_check(tmp_path, monkeypatch, command):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAX")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    role = "kinesis.authentication.role_arn=arn:aws:iam::123456789012:role/edge"
    cases = {
        "default": [],
        "token": [],
        "ec2_role": [],
        "profile": ["--set", "kinesis.authentication.name=plant"],
        "process": ["--set", "kinesis.authentication.command=/bin/true"],
        "assume_role": ["--set", role],
    }
    for number, (kind, more) in enumerate(cases.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        done = command(folder, "init", "--yes", "--listen-secs", "0", "--authentication", kind, *more)
        assert (done.returncode, done.stderr) == (0, ""), kind
        assert command(folder, "check").returncode == 0, kind


def test_prompts_on_a_terminal_are_answered(tmp_path):
    leader, follower = os.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "bridge", "init", "--listen-secs", "0"],
        cwd=tmp_path, env=environment, stdin=follower, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.write(leader, b"broker.example\n1883\nyes\n\n\npress-shop\neu-west-1\ntoken\nmine\n")
    eventually(lambda: process.poll() is not None, "the end")
    out, err = process.communicate()
    os.close(leader)
    os.close(follower)
    assert process.returncode == 0, err
    assert "expected yes or no; found '1883'" in err
    text = (tmp_path / "bridge.yaml").read_text()
    assert 'url: "mqtts://broker.example"' in text
    assert "client_id: press-shop" in text
    assert "region: eu-west-1" in text
    assert 'access_key_id: "${AWS_ACCESS_KEY_ID}"' in text
    assert "export AWS_SECRET_ACCESS_KEY=..." in out
    assert "data_stream: mine" in (tmp_path / "mappings" / "example.yaml").read_text()


def test_init_with_unreadable_payloads_prints_a_placeholder(tmp_path, command):
    lines = [{"topic": "a/b/flow", "payload_base64": "AQL/"}, {"topic": "a/b/log", "payload": "x" * 200}]
    common = {"received_at": "2026-01-31T12:00:00.000Z", "qos": 1, "retain": False}
    capture = tmp_path / "traffic.jsonl"
    capture.write_text("".join(json.dumps(common | line) + "\n" for line in lines))
    done = command(tmp_path, "init", "--yes", "--capture", str(capture))
    assert (done.returncode, done.stderr) == (0, "")
    assert "try -t a/b/flow -p PAYLOAD  (replace PAYLOAD by the text of a message)" in done.stdout
