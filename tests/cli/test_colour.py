"""Output of every command: in colour and with progress bars on a terminal, plain in a pipe or with NO_COLOR."""

import os
import pty
import re
import sys
import threading
from pathlib import Path

import orjson
import pytest

from bridge.cli import main
from bridge.cli.commands import demo as demo_module
from bridge.cli.commands import prove as prove_module
from bridge.cli.commands import status as status_module
from bridge.cli.help_examples import EXAMPLES
from bridge.model import Message
from bridge.spool.database.transaction import Transaction
from bridge.tools.capture.file_format import to_line
from bridge.tools.doctor.broker import checks as doctor_broker
from bridge.tools.doctor.broker import inflight_window as doctor_window
from tests.cli.builders import PRESS, set_up
from tests.harness.mosquitto import Mosquitto
from tests.harness.network import free_port
from tests.harness.terminal import Terminal
from tests.spool.builders import dead_letter, opened
from tests.web.bridges import problem, snapshot, stream

TOPIC = "factory/pdx/press07/telemetry"
LINES = {
    "init": "init --yes --listen-secs 0 --config new/bridge.yaml",
    "check": "check",
    "try": f"try -t {TOPIC} -p {{}}",
    "schema": "schema mapping",
    "capture": "capture new.jsonl --secs 0.3 -t x",
    "diff": "diff mappings/press.yaml other.yaml --capture field.jsonl",
    "coverage": "coverage --capture field.jsonl",
    "status": "status",
    "doctor": "doctor",
    "prove": "prove telemetry --manifests manifests",
    "policy": "policy --offline --account 123456789012",
    "dead-letters list": "dead-letters list",
    "dead-letters show": "dead-letters show 1",
    "dead-letters replay": "dead-letters replay --all",
    "dead-letters delete": "dead-letters delete 2 --yes",
    "dead-letters export": "dead-letters export letters.csv --csv",
    "spool export": "spool export records.jsonl",
    "functions": "functions concat",
    "spool status": "spool status",
    "spool verify": "spool verify",
    "state list": "state list",
    "state show": "state show press",
    "state clear": "state clear press --yes",
}
FOR_PROGRAMS = {"schema", "policy"}
"""Commands whose output is a JSON document, which has no colours."""
REPLAYS = {"dead-letters replay", "dead-letters delete"}
EXPORTS = {"dead-letters export", "spool export"}
WITH_PROGRESS_BAR = {"capture", "diff", "prove", *REPLAYS, *EXPORTS}
APART = {"run", "demo", "support-bundle"}
"""Commands that other tests cover. `run` and `demo` do not end by themselves; `support-bundle` writes an archive."""
STYLE = re.compile(r"\x1b\[[\d;]*m")
CURSOR = re.compile(r"\x1b\[\??\d*[A-LhlJK]")
"""Escape sequences with which a progress bar moves the cursor and clears a line."""


class NothingStored:
    """Publisher whose streams contain no record."""

    def __init__(self, settings):
        pass

    def call(self, operation, stream, **parameters):
        return {"Shards": []}

    def close(self):
        pass


@pytest.fixture(scope="module")
def broker():
    with Mosquitto() as running:
        yield running


@pytest.fixture
def folder(tmp_path, monkeypatch, broker):
    """Return the folder of a bridge with data for every command. No command needs the network."""
    nowhere = f"http://127.0.0.1:{free_port()}"
    config = set_up(tmp_path, broker.port, mappings="")
    (tmp_path / "mappings" / "mappings.yaml").unlink()
    ends = f"authentication: {{type: token, access_key_id: A, secret_access_key: x}}, endpoint_url: '{nowhere}'"
    text = config.read_text().replace("authentication: {type: default}", f"{ends}, sts_endpoint_url: '{nowhere}'")
    config.write_text(text)
    (tmp_path / "new").mkdir()
    (tmp_path / "other.yaml").write_text(PRESS.replace("t: payload.t }", "t: payload.x }").partition("tests:")[0])
    message = Message(TOPIC, b'{"t": 1}', 1, False, 1_700_000_000_000)
    (tmp_path / "field.jsonl").write_bytes(to_line(message, 0) + to_line(message._replace(topic="no"), 1))
    spool = opened(tmp_path / "data")
    spool.queue("telemetry").append(spool.mapping_number("press"), "k", b"{}")
    spool.state("press").put("changes machine", b"[1,2]")
    spool.commit(Transaction(dead_letters=[dead_letter(mapping="press", topic=TOPIC, payload=b"{") for _ in range(2)]))
    spool.close()
    refused = stream(state="refused", detail="no", hint="do")
    response = {"status": snapshot(streams=(refused,), problems=(problem(),)).summary_json()}
    monkeypatch.setattr(status_module, "request", lambda _folder: orjson.loads(orjson.dumps(response)))
    monkeypatch.setattr(prove_module, "KinesisPublisher", NothingStored)
    monkeypatch.setattr(doctor_broker, "LISTEN_SECS", 0.1)
    monkeypatch.setattr(doctor_broker, "SYSTEM_SECS", 0.1)
    monkeypatch.setattr(doctor_window, "PATIENCE_SECS", 0.1)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(line, monkeypatch, out, err):
    """Run a command in this process. Return its exit code."""
    with monkeypatch.context() as patched:
        patched.setattr(sys, "argv", ["mqtt-kinesis", *line.split()])
        patched.setattr(sys, "stdout", out)
        patched.setattr(sys, "stderr", err)
        with pytest.raises(SystemExit) as ended:
            main()
    out.flush()
    return ended.value.code


def on_a_terminal(line, monkeypatch):
    """Run a command on a pseudo-terminal, and return its output."""
    leader, follower = pty.openpty()
    written = bytearray()

    def drain():
        while True:
            try:
                written.extend(os.read(leader, 65_536))
            except OSError:
                return

    reading = threading.Thread(target=drain)
    reading.start()
    with os.fdopen(follower, "w", encoding="utf-8") as terminal:
        call(line, monkeypatch, terminal, terminal)
    reading.join()
    os.close(leader)
    return written.decode()


def piped(line, monkeypatch, tmp_path):
    with (tmp_path / "piped").open("w+", encoding="utf-8") as file:
        call(line, monkeypatch, file, file)
        file.seek(0)
        return file.read()


def test_colour_cases_cover_every_command():
    assert LINES.keys() | APART == EXAMPLES.keys()


@pytest.mark.parametrize("name", LINES)
def test_output_to_a_pipe_is_plain(name, folder, monkeypatch):
    written = piped(LINES[name], monkeypatch, folder)
    assert written.strip(), "the command prints something"
    assert "Traceback" not in written
    assert "\x1b" not in written


@pytest.mark.parametrize("name", LINES)
def test_output_on_a_terminal_has_colour(name, folder, monkeypatch):
    written = on_a_terminal(LINES[name], monkeypatch)
    assert bool(STYLE.search(written)) == (name not in FOR_PROGRAMS), written
    assert bool(CURSOR.search(written)) == (name in WITH_PROGRESS_BAR), written


@pytest.mark.parametrize("name", LINES)
def test_output_with_no_color_set_has_no_colour(name, folder, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    written = on_a_terminal(LINES[name], monkeypatch)
    assert not STYLE.search(written), written
    if name not in WITH_PROGRESS_BAR:
        assert "\x1b" not in written


def test_empty_no_color_has_no_effect(folder, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "")
    assert STYLE.search(on_a_terminal("check", monkeypatch))


def test_dumb_terminal_gets_plain_text(folder, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in on_a_terminal("dead-letters list", monkeypatch)


@pytest.mark.parametrize("line", ["check --config no.yaml", "dead-letters show 99", "nonsense", "--help", "run --help"])
def test_errors_and_help_in_a_pipe_are_plain(line, folder, monkeypatch):
    assert "\x1b" not in piped(line, monkeypatch, folder)


@pytest.mark.parametrize("line", ["check --config no.yaml", "dead-letters show 99"])
def test_errors_on_a_terminal_have_colour(line, folder, monkeypatch):
    assert STYLE.search(on_a_terminal(line, monkeypatch))


PROGRAM = str(Path(sys.executable).with_name("mqtt-kinesis"))


def test_log_of_run_has_colour_on_a_terminal(folder):
    config = folder / "bridge.yaml"  # no broker listens on this port
    config.write_text(re.sub(r"127.0.0.1:\d+\", client_id", f'127.0.0.1:{free_port()}", client_id', config.read_text()))
    with Terminal([PROGRAM, "run"], cwd=folder, columns=200) as terminal:
        terminal.wait_for(lambda lines: any(" warning " in each or " error " in each for each in lines))
        terminal.type("\x03")
        assert terminal.wait() == 0
    assert STYLE.search(terminal.written.decode())


@pytest.mark.parametrize(("no_color", "colour"), [("", True), ("1", False)])
def test_demo_on_a_terminal_has_colour_unless_no_color_is_set(folder, monkeypatch, no_color, colour):
    def drawn(_secs, output):
        output("✓ accounting OK")
        return 0

    monkeypatch.setattr(demo_module, "run_demo", drawn)
    monkeypatch.setenv("NO_COLOR", no_color)
    assert bool(STYLE.search(on_a_terminal("demo", monkeypatch))) == colour
    assert "\x1b" not in piped("demo", monkeypatch, folder)
