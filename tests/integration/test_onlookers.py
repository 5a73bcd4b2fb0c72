"""`doctor` and `run --dry-run` beside a group of bridges: the group still receives all messages."""

import re
import subprocess
import sys
import threading

import pytest

from bridge.tools.doctor.broker import checks, inflight_window
from tests.harness.bridge_here import BridgeHere
from tests.harness.bridge_process import ROOT, write_configuration
from tests.harness.cli_runner import called
from tests.harness.publisher import Publisher
from tests.harness.telemetry import telemetry
from tests.integration.arrivals import TELEMETRY, Arrivals


class Traffic:
    """Publisher of messages until the end of the block. `count` is their number."""

    def __init__(self, port):
        self.count = 0
        self._publisher, self._ending = Publisher(port), threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._publisher.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        self._thread.join()
        self._publisher.__exit__()

    def _run(self):
        while not self._ending.is_set():
            self._publisher.publish(telemetry(30, first=self.count), 1, 300)
            self.count += 30


def found_by_process(folder, onlooker, seen):
    process = subprocess.Popen(
        [sys.executable, "-m", "bridge", *onlooker.split(), "--config", str(folder / "bridge.yaml")],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    found = any(re.search(seen, line) for line in process.stdout)
    process.terminate()
    process.communicate(timeout=30)
    return found


@pytest.mark.parametrize(
    ("onlooker", "seen"), [("doctor", r"messages: [1-9][\d,]* in \d+ s: "), ("run --dry-run", r'\{"count":')]
)
def test_onlooker_sees_messages_and_takes_none_from_the_group(
    tmp_path, mosquitto, kinesis, onlooker, seen, monkeypatch
):
    monkeypatch.setattr(checks, "LISTEN_SECS", 1.0)
    monkeypatch.setattr(inflight_window, "PATIENCE_SECS", 1.0)
    write_configuration(
        tmp_path,
        mqtt={"url": f"mqtt://127.0.0.1:{mosquitto.port}", "share": "hall"},
        kinesis={"endpoint_url": kinesis.url},
        mappings={"press": TELEMETRY},
    )
    with BridgeHere(tmp_path):
        with Traffic(mosquitto.port) as traffic:
            if onlooker == "doctor":
                found = re.search(seen, called(tmp_path, "doctor").stdout)
            else:
                found = found_by_process(tmp_path, onlooker, seen)
        assert found
        Arrivals(kinesis).wait_for_all(range(traffic.count), timeout_secs=20)
