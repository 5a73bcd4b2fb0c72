"""Command `capture` on a real broker, while a bridge is running."""

import math
import signal
import subprocess
import sys

import pytest

from bridge.cli.commands import capture
from bridge.cli.commands.capture import CaptureOptions, record_traffic
from bridge.errors import BridgeError, ConfigError
from bridge.tools.capture.file_format import read_capture
from tests.cli.builders import set_up
from tests.harness.network import free_port
from tests.harness.publisher import Publisher
from tests.harness.telemetry import telemetry
from tests.integration.arrivals import TELEMETRY, Arrivals, eventually, stop_and_balance
from tests.mqtt import packets
from tests.mqtt.scripted_broker import FilterBroker, ScriptedBroker

MUCH = CaptureOptions((), 0, 1_000, "1 MB")


def started(folder, *options):
    """Start the command, and wait until it has recorded the retained message of the broker."""
    command = [sys.executable, "-m", "bridge", "capture", folder / "c.jsonl", "--config", folder / "bridge.yaml"]
    process = subprocess.Popen(
        [*map(str, command), *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    file = folder / "c.jsonl"
    eventually(lambda: (file.exists() and file.stat().st_size) or process.poll() is not None, "a first message")
    return process


def retain_one(port, topic):
    with Publisher(port, client_id="retainer") as publisher:
        publisher.publish([(topic, b'{"count": 0, "machine": "m"}')], 1, retain=True)


def test_capture_records_beside_a_bridge_that_loses_nothing(tmp_path, mosquitto, kinesis, bridge):
    retain_one(mosquitto.port, "factory/pdx/line3/press000/telemetry")
    running = bridge({"press": TELEMETRY}, here=True)
    arrivals = Arrivals(kinesis)
    process = started(tmp_path, "--messages", "501")
    with Publisher(mosquitto.port) as publisher:
        publisher.publish(telemetry(2_000, first=1), 1)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert out.startswith(f"{tmp_path}/c.jsonl: 501 messages, ")
    assert out.endswith("(ended by the limit of messages)\n")
    arrivals.wait_for_all(range(2_001))
    captured = [each.message for each in read_capture(tmp_path / "c.jsonl")]
    assert [message.retain for message in captured[:2]] == [True, False]
    assert [(message.topic, message.payload) for message in captured[1:]] == list(telemetry(500, first=1))
    ledger = stop_and_balance(running)
    assert (ledger.total("received"), ledger.total("delivered")) == (2_001, 2_001)
    assert [line["event"] for line in running.log()].count("connected") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_a_capture_with_a_complete_file(tmp_path, mosquitto, number):
    set_up(tmp_path, mosquitto.port)
    retain_one(mosquitto.port, "other/topic")
    process = started(tmp_path, "--secs", "0", "--topic", "other/{name}")
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert out.startswith(f"{tmp_path}/c.jsonl: 1 message, ")
    assert out.endswith("(ended by a signal)\n")
    (found,) = read_capture(tmp_path / "c.jsonl")
    assert found.message.topic == "other/topic"


def test_capture_ends_by_itself_after_its_time(tmp_path, mosquitto, capsys):
    config = set_up(tmp_path, mosquitto.port)
    assert record_traffic(config, tmp_path / "c.jsonl", CaptureOptions((), 0.3, 10, "1 MB")) == 0
    assert capsys.readouterr().out.endswith("(ended by the time limit)\n")


def test_capture_without_a_broker_reports_it_and_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(capture, "CONNECT_SECS", 0.3)
    config = set_up(tmp_path, free_port())
    with pytest.raises(BridgeError, match=r"no subscription within 0 s: cannot connect to mqtt://127.0.0.1:\d+: "):
        record_traffic(config, tmp_path / "c.jsonl", MUCH)
    assert not (tmp_path / "c.jsonl").exists()


@pytest.mark.parametrize("code", [0x86, 0x87], ids=["bad password", "not authorized"])
def test_capture_that_the_broker_refuses_ends_without_trying_again(tmp_path, monkeypatch, code):
    monkeypatch.setattr(capture, "CONNECT_SECS", math.inf)

    def refuse(session):
        session.receive()
        session.send(packets.connack(code=code))

    with ScriptedBroker(refuse) as broker, pytest.raises(BridgeError, match=r"check mqtt.username and mqtt.password"):
        record_traffic(set_up(tmp_path, broker.port), tmp_path / "c.jsonl", MUCH)
    assert broker.accepted == 1


@pytest.mark.parametrize(("wanted", "why"), [
    (CaptureOptions(("a/#/b",), 0, 1, "1 MB"), r"--topic: '#' matches all remaining levels"),
    (CaptureOptions((), 0, 1, "many"), r"--bytes: expected a size, such as 500 MB, .*; found 'many'"),
    (CaptureOptions((), 0, 1, "0"), r"--bytes: expected a size"),
])  # fmt: skip
def test_wrong_option_is_reported(tmp_path, wanted, why):
    with pytest.raises(BridgeError, match=why):
        record_traffic(set_up(tmp_path), tmp_path / "c.jsonl", wanted)
    assert not (tmp_path / "c.jsonl").exists()


def test_capture_without_mappings_and_topics_has_nothing_to_record(tmp_path):
    with pytest.raises(ConfigError, match="outputs: missing"):
        record_traffic(set_up(tmp_path, press="topic: t"), tmp_path / "c.jsonl", MUCH)


def test_joined_filter_that_is_refused_is_replaced_by_its_parts(tmp_path):
    """A broker may permit only the filters of the mappings, but not the wider filter that replaces them."""
    decides = FilterBroker(codes={"plant/+/+": 0x87}, then=packets.publish("plant/m1/x", b"{}", qos=0, properties=b""))
    output = "outputs: [{data_stream: telemetry}]"
    mappings = {"press": f"topic: plant/{{k}}/t\n{output}", "n": f"topic: plant/m1/{{x}}\n{output}"}
    with ScriptedBroker(decides) as broker:
        config = set_up(tmp_path, broker.port, **mappings)
        assert record_traffic(config, tmp_path / "c.jsonl", CaptureOptions((), 60, 3, "1 MB")) == 0
    requested = [text for packet in decides.subscribes for text, _, _ in packet]
    assert requested[0] == "plant/+/+"
    assert sorted(requested[1:]) == ["plant/+/t", "plant/m1/+"]


@pytest.mark.parametrize("name", ["capture", "init"])
def test_verbosity_before_the_command_sets_the_level_of_its_log(tmp_path, mosquitto, command, name):
    set_up(tmp_path, mosquitto.port)
    listen = {"capture": ("--secs", "0.1"), "init": ("--yes", "--force", "--listen-secs", "0.1", "--url")}
    for option, logs_connection in ((), False), (("-q",), False), (("-v",), True):
        file = tmp_path / f"{len(option)}{option}.jsonl"
        more = (file,) if name == "capture" else ()
        url = (f"mqtt://127.0.0.1:{mosquitto.port}",) if name == "init" else ()
        done = command(tmp_path, *option, name, *more, *listen[name], *url)
        assert (done.returncode, " connected " in done.stderr) == (0, logs_connection), done.stderr
        assert "0 messages, 0 bytes" in done.stdout
