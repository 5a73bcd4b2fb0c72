"""No output, log, response, traceback or other file contains a secret of bridge.yaml."""

import http.client
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bridge.config import load_settings
from bridge.runtime.assembly import publisher
from bridge.tools.doctor.broker import checks as doctor_broker
from bridge.tools.doctor.broker import inflight_window
from tests.fakes.kinesis import KinesisStandIn
from tests.harness.bridge_process import ROOT, BridgeProcess, write_configuration
from tests.harness.cli_runner import called
from tests.harness.mosquitto import Mosquitto
from tests.harness.network import free_port
from tests.harness.publisher import Publisher
from tests.harness.telemetry import telemetry
from tests.harness.workers import Workers
from tests.integration.arrivals import TELEMETRY, Arrivals, eventually

pytestmark = pytest.mark.timeout(300)
"""One fixture runs two dozen commands, which takes long."""
PASSWORD, ACCESS_SECRET, TOKEN, PROXY = "mqtt-S3CRET-1", "aws/S3CRET+2", "session-S3CRET-3", "proxy-S3CRET-4"
PAGE_TOKEN = "page-S3CRET-5-of-the-plant"
MARK = b"S3CRET"
PATHS = (
    *("", "healthz", "readyz", "metrics", "api/status", "api/history", "api/coverage"),
    *("api/dead-letters", "api/dead-letters/1", "api/mappings/press", "api/dead-letters/x", "nothing"),
)
COMMANDS = (
    ["check"],
    ["try", "--topic", "factory/pdx/line3/press001/telemetry", "--payload", '{"count": 1, "machine": "m"}'],
    ["try", "--dead-letter", "1"],
    ["status"],
    ["status", "--json"],
    ["coverage"],
    ["policy"],
    ["schema", "bridge"],
    ["dead-letters", "list", "--json"],
    ["dead-letters", "show", "1"],
    ["dead-letters", "export", "letters.jsonl"],
    ["dead-letters", "export", "letters.csv", "--csv"],
    ["spool", "status"],
    ["spool", "verify"],
    ["spool", "export", "records.jsonl"],
    ["capture", "traffic.jsonl", "--secs", "1"],
    ["dead-letters", "replay", "1"],
    ["doctor"],
    ["prove", "telemetry", "--manifests", "telemetry"],
    ["init", "--yes", "--listen-secs", "0"],
    ["run", "--nonsense"],
)


OF_WORKERS = (
    ["status"],
    ["status", "--json"],
    ["spool", "status"],
    ["dead-letters", "list"],
    ["dead-letters", "replay", "--all"],
    ["run", "--workers", "2"],
)


def configuration(broker_port, endpoint_url, **more):
    authentication = {
        "type": "token",
        "access_key_id": "AKIAEXAMPLE",
        "secret_access_key": ACCESS_SECRET,
        "session_token": TOKEN,
    }
    return {
        "mqtt": {"url": f"mqtt://127.0.0.1:{broker_port}", "username": "bridge", "password": PASSWORD},
        "kinesis": {"endpoint_url": endpoint_url, "authentication": authentication, **more},
        "mappings": {"press": TELEMETRY},
        "log": {"format": "json", "level": "debug"},
    }


@pytest.fixture(scope="module", autouse=True)
def patience():
    """Shorten the waits of the doctor: the broker responds at once."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(doctor_broker, "LISTEN_SECS", 0.3)
        patched.setattr(doctor_broker, "SYSTEM_SECS", 0.3)
        patched.setattr(inflight_window, "PATIENCE_SECS", 1.0)
        yield


def command(folder, arguments):
    """Return all output of a command. Only `run` is a separate process, because it waits for signals."""
    config = [] if arguments[0] in {"schema", "diff"} else ["--config", str(folder / "bridge.yaml")]
    if arguments[0] != "run":
        done = called(folder, *arguments, *config)
        return (done.stdout + done.stderr).encode()
    done = subprocess.run(
        [sys.executable, "-m", "bridge", *arguments, *config],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


def fetched(port, path):
    """Return the response of the page to a client with the token, including the headers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", f"/{path}", headers={"Authorization": f"Bearer {PAGE_TOKEN}"})
    answer = connection.getresponse()
    told = f"{answer.status} {answer.headers}".encode() + answer.read()
    connection.close()
    return told


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    """Return (folder, outputs by source) of a bridge with a session, a refusal by AWS, and a dead letter."""
    folder = tmp_path_factory.mktemp("bridge")
    with Mosquitto(users={"bridge": PASSWORD, "machine": "m"}) as broker, KinesisStandIn({"telemetry": 1}) as kinesis:
        port = free_port()
        page = {"listen": f"127.0.0.1:{port}", "token": PAGE_TOKEN}
        write_configuration(folder, **configuration(broker.port, kinesis.url), http=page)
        with BridgeProcess(folder) as bridge, Publisher(broker.port, username="machine", password="m") as machine:
            machine.publish([("factory/pdx/line3/press001/telemetry", b"no JSON"), *telemetry(20)], 1)
            Arrivals(kinesis).wait_for(20)
            kinesis.fault("error", code="InvalidSignatureException", status=400)
            machine.publish(telemetry(5, first=20), 1)
            eventually(lambda: "refused" in bridge.stderr(), "Kinesis refuses")
            said = {" ".join(arguments): command(folder, arguments) for arguments in COMMANDS}
            said |= {f"GET /{path}": fetched(port, path) for path in PATHS}
            kinesis.clear()
            bridge.stop()
            said["run: log"] = bridge.stderr().encode()
            said["run: output"] = bridge.stdout().encode()
    return folder, said


@pytest.fixture(scope="module")
def spoken_by_workers(tmp_path_factory):
    """Return the output of run --workers 2 with one killed worker, and the command line of each process."""
    folder = tmp_path_factory.mktemp("workers")
    with Mosquitto(users={"bridge": PASSWORD, "machine": "m"}) as broker, KinesisStandIn({"telemetry": 1}) as kinesis:
        port = free_port()
        page = {"listen": f"127.0.0.1:{port}", "token": PAGE_TOKEN}
        write_configuration(folder, **configuration(broker.port, kinesis.url), http=page)
        with Workers(folder, 2) as bridge, Publisher(broker.port, username="machine", password="m") as machine:
            messages = [(topic, b"no JSON") for topic, _ in telemetry(2)]
            machine.publish([*messages, *telemetry(20)], 1)
            Arrivals(kinesis).wait_for(20)
            kinesis.fault("error", code="InvalidSignatureException", status=400)
            bridge.kill_worker(2)
            machine.publish(telemetry(5, first=20), 1)
            eventually(lambda: "refused" in bridge.stderr(), "Kinesis refuses")
            said = {" ".join(arguments): command(folder, arguments) for arguments in OF_WORKERS}
            paths = (*PATHS, "api/dead-letters?worker=1", "api/dead-letters?worker=x", "api/dead-letters/1?worker=1")
            said |= {f"GET /{path}": fetched(port, path) for path in paths}
            started = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in (bridge.pid, bridge.pid_of(1))}
            said |= {f"process {pid}": text for pid, text in started.items()}
            kinesis.clear()
            bridge.stop()
            said["run: log"] = bridge.stderr().encode()
            said["run: output"] = bridge.stdout().encode()
    return folder, said


def test_workers_and_their_supervisor_report_no_secret(spoken_by_workers):
    folder, said = spoken_by_workers
    assert {what for what, text in said.items() if MARK in text} == set()
    assert {what for what, text in said.items() if not text} <= {"run: output"}
    assert b"Traceback" not in b"".join(said.values())
    assert said["GET /api/dead-letters/1?worker=1"].startswith(b"200 ")
    assert b"worker 2 ended" in said["run: log"]
    files = [file for file in folder.rglob("*") if file.is_file() and file.name != "bridge.yaml"]
    assert sum(file.name == "spool.db" for file in files) == 2
    assert [file.name for file in files if MARK in file.read_bytes()] == []


def test_spools_and_control_folders_belong_to_their_owner_only(spoken_by_workers):
    folder, _ = spoken_by_workers
    held = list((folder / "data").rglob("*"))
    assert {"worker-1", "worker-2", "supervisor"} <= {file.name for file in held}
    assert {str(file.relative_to(folder)) for file in held if readable_by_others(file)} == set()


def test_command_output_contains_no_secret(spoken):
    _, said = spoken
    assert {what for what, text in said.items() if MARK in text} == set()


@pytest.mark.parametrize(
    "arguments", [["diff", "mappings", "new"], ["diff", "mappings", "new", "--json"], ["coverage"]]
)
def test_commands_on_recorded_traffic_show_no_secret(spoken, arguments):
    folder, _ = spoken
    (folder / "new").mkdir(exist_ok=True)
    changed = {**TELEMETRY, "transform": "{machine: payload.machine}"}
    (folder / "new" / "press.yaml").write_text(yaml.safe_dump(changed))
    (folder / "traffic-of-the-test.jsonl").write_bytes((folder / "traffic.jsonl").read_bytes())
    told = command(folder, [*arguments, "--capture", "traffic-of-the-test.jsonl"])
    assert told
    assert b"Traceback" not in told
    assert MARK not in told


def test_commands_and_paths_of_the_test_all_printed_something(spoken):
    _, said = spoken
    assert said["GET /api/status"].startswith(b"200 ")
    assert said["GET /api/dead-letters/1"].startswith(b"200 ")
    assert {what for what, text in said.items() if not text} <= {"run: output"}
    assert b"Traceback" not in b"".join(said.values())


def test_files_but_the_configuration_contain_no_secret(spoken):
    folder, _ = spoken
    files = [file for file in folder.rglob("*") if file.is_file() and file.name != "bridge.yaml"]
    assert {file.name for file in files} >= {"spool.db", "letters.jsonl", "traffic.jsonl"}
    assert [file.name for file in files if MARK in file.read_bytes()] == []


def test_spool_dead_letters_and_exports_are_their_owners_alone(spoken):
    folder, _ = spoken
    held = [*(folder / "data").rglob("*"), *folder.glob("*.jsonl"), *folder.glob("letters.*")]
    assert len(held) > 5
    spool = [folder / "data", *(folder / "data").glob("spool.*")]
    assert [file.name for file in spool if file.stat().st_mode & 0o077] == []
    open_to_others = {str(file.relative_to(folder)) for file in held if readable_by_others(file)}
    assert open_to_others == set()


def readable_by_others(file: Path) -> bool:
    """Return whether others may read a file. A file in a folder with mode 0700 is protected."""
    return file.stat().st_mode & 0o077 != 0 and file.parent.stat().st_mode & 0o077 != 0


def test_wrong_password_is_not_reported_in_the_refusal(tmp_path):
    with Mosquitto(users={"bridge": "another"}) as broker:
        write_configuration(tmp_path, **configuration(broker.port, "http://127.0.0.1:1"))
        with BridgeProcess(tmp_path, await_subscribed=False) as bridge:
            eventually(lambda: "mqtt.password" in bridge.stderr(), "the broker refuses")
            bridge.stop()
        assert MARK not in bridge.stderr().encode()


@pytest.mark.parametrize("step", ["map", "send"])
def test_crash_does_not_report_a_secret(tmp_path, mosquitto, kinesis, step):
    write_configuration(tmp_path, **configuration(mosquitto.port, kinesis.url))
    bridge = BridgeProcess(tmp_path, entry=("tests.faults.crash_points", "raising", step, "1"))
    with bridge, Publisher(mosquitto.port) as machine:
        machine.publish(telemetry(5), 1)
        assert bridge.wait() == 70
    assert "must be restarted" in bridge.stderr()
    assert "Traceback" in bridge.stderr()
    assert MARK not in bridge.stderr().encode() + bridge.stdout().encode()


@pytest.mark.parametrize("place", ["mqtt", "kinesis"])
def test_broken_configuration_does_not_report_the_secrets_in_it(tmp_path, place):
    sections = configuration(1, "http://127.0.0.1:1", proxy_url=f"http://user:{PROXY}@127.0.0.1:bad")
    sections["kinesis"]["authentication"]["session_tokens"] = TOKEN
    sections["mqtt"]["passwort"] = PASSWORD
    if place == "mqtt":
        sections["mqtt"]["password"] = [PASSWORD]
    write_configuration(tmp_path, **sections)
    said = command(tmp_path, ["check"])
    assert b"passwort" in said
    assert MARK not in said


def test_settings_printed_show_no_secret(tmp_path):
    sections = configuration(1, "http://127.0.0.1:1", proxy_url=f"http://user:{PROXY}@127.0.0.1:3128")
    write_configuration(tmp_path, **sections)
    settings = load_settings(tmp_path / "bridge.yaml", {})
    session, sender = settings.mqtt, publisher(settings)
    shown = [repr(each) + str(each) for each in (settings, settings.model_dump(), session, sender, vars(sender))]
    assert [text for text in shown if MARK.decode() in text] == []
    assert session.password.get_secret_value() == PASSWORD
