"""Commands `status` and `coverage` with a running bridge. One of the commands runs as a separate process."""

import json
import signal
import subprocess
import sys

from tests.harness.bridge_process import ROOT
from tests.harness.cli_runner import called
from tests.harness.publisher import Publisher
from tests.harness.telemetry import telemetry
from tests.integration.arrivals import TELEMETRY, Arrivals, stop_and_balance


def by_a_process(running, *arguments):
    line = [sys.executable, "-m", "bridge", *arguments, "--config", str(running.folder / "bridge.yaml")]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def command(running, *arguments):
    return called(running.folder, *arguments)


def test_running_bridge_reports_its_ledger_and_what_it_covers(mosquitto, kinesis, bridge):
    never = {"topic": "never/+", "outputs": [{"data_stream": "archive"}]}
    running, arrivals = bridge({"press": TELEMETRY, "never": never}), Arrivals(kinesis)
    with Publisher(mosquitto.port) as publisher:
        publisher.publish(telemetry(50), 1)
    arrivals.wait_for_all(range(50))
    document = json.loads(command(running, "status", "--json").stdout)
    assert document["schema_version"] == 1
    told = document["status"]
    line = next(row for row in told["ledger"] if row["mapping"] == "press")
    assert (line["received"], told["balanced"], told["subscribed"]) == (50, True, True)
    shown = by_a_process(running, "status")
    assert (shown.returncode, "accounting OK" in shown.stdout) == (0, True)
    covered = command(running, "coverage")
    assert (covered.returncode, "never: never/+" in covered.stdout) == (1, True)
    stop_and_balance(running)
    after = command(running, "status")
    assert (after.returncode, "the bridge is not running" in after.stderr) == (3, True)
    assert after.stderr.endswith("\n'mqtt-kinesis spool status' shows the ledger of a stopped bridge\n")
    document = json.loads(command(running, "status", "--json").stdout)
    assert (document["schema_version"], document["error"]["code"]) == (1, "not_running")


def test_watch_without_a_terminal_prints_plain_blocks(bridge):
    running = bridge({"press": TELEMETRY})
    line = [sys.executable, "-m", "bridge", "status", "--watch", "--config", str(running.folder / "bridge.yaml")]
    with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True) as watching:
        shown = []
        while sum("accounting OK" in each for each in shown) < 2:
            shown.append(watching.stdout.readline())
            assert shown[-1]
        watching.send_signal(signal.SIGINT)
        watching.stdout.read()
    assert watching.returncode == 130
    rates = [each for each in shown if each.startswith("messages")]
    assert rates == ["messages  -/s received, -/s delivered\n", "messages  0.0/s received, 0.0/s delivered\n"]
    assert "\x1b" not in "".join(shown)
