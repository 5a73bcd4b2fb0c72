"""Command `status --watch` on a terminal: its screen, and the terminal after the command has ended."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.publisher import Publisher
from tests.harness.telemetry import telemetry
from tests.harness.terminal import Terminal
from tests.integration.arrivals import TELEMETRY

PROGRAM = str(Path(sys.executable).with_name("mqtt-kinesis"))
NOWHERE = {**TELEMETRY, "outputs": [{"data_stream": "not-there"}]}
LEFT = b"\x1b[?25h\x1b[?1049l"
"""Output that shows the cursor again, and restores the previous content of the terminal."""


@pytest.fixture
def watch(bridge):
    """Function watch(columns, lines) that runs `status --watch` in a terminal. One stream has a backlog."""
    running = bridge({"press": TELEMETRY, "astray": NOWHERE}, here=True)

    def start(**size):
        return Terminal([PROGRAM, "status", "--watch"], cwd=running.folder, **size)

    start.bridge = running
    return start


def row(lines, name):
    return next((line for line in lines if line.startswith(name + " ")), "")


def test_watch_shows_backlog_resizes_and_waits_for_the_bridge(watch, mosquitto):
    running = watch.bridge
    with watch(columns=80, lines=24) as terminal, Publisher(mosquitto.port) as publisher:
        publisher.publish(telemetry(50), 1)
        terminal.wait_for(lambda lines: "refused" in row(lines, "not-there"))
        terminal.wait_for("50 records buffered (oldest")
        shown = terminal.shown
        assert shown[0].startswith("bridge, up ")
        assert shown[0].endswith("Ctrl-C to stop")
        assert shown[1].startswith("ERROR     AWS refuses the records of stream not-there (http://127.0.0.1:")
        assert row(shown, "press → telemetry").split()[-1] == "0"
        assert row(shown, "astray → not-there").split()[-1] == "50"
        assert "ledger    accounting OK" in shown

        terminal.resize(120, 40)
        terminal.wait_for(lambda lines: "filtered" in row(lines, "mapping") and lines[0].endswith("Ctrl-C to stop"))
        assert len(terminal.shown[0]) == 120

        terminal.resize(60, 10)
        terminal.wait_for(lambda lines: lines[-1].endswith("more lines: enlarge the window"))
        terminal.resize(80, 24)
        running.stop()
        terminal.wait_for("last status:")
        assert any("the bridge is not running" in line for line in terminal.shown)
        assert row(terminal.shown, "astray → not-there")

        running.start()
        terminal.wait_for(lambda lines: not any("the bridge is not running" in line for line in lines))
        terminal.type("\x03")
        assert terminal.wait() == 130
        assert terminal.written.rstrip(b"\r\n").endswith(LEFT)


def test_watch_ended_by_a_signal_restores_the_terminal(watch):
    for environment in ({}, {"NO_COLOR": "1"}):
        with watch(environment=environment) as terminal:
            terminal.wait_for("accounting OK")
            terminal.process.terminate()
            assert terminal.wait() == 143
            assert terminal.written.rstrip(b"\r\n").endswith(LEFT)
            assert (b"\x1b[32m" in terminal.written) == (not environment), environment


def test_watch_as_json_prints_only_json_even_without_a_bridge(bridge):
    running = bridge({"press": TELEMETRY}, here=True)
    with subprocess.Popen(
        [PROGRAM, "status", "--watch", "--json"], cwd=running.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as watching:
        assert json.loads(watching.stdout.readline())["status"]["subscribed"]
        running.stop()
        assert watching.stderr.readline().startswith(b"mqtt-kinesis: the bridge is not running")
        watching.terminate()
        assert all(json.loads(line)["status"] for line in watching.stdout)
