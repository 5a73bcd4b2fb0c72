"""A real bridge with a series of real faults. All surfaces must show the same state and cause at each step."""

import json
import urllib.error
import urllib.request
from collections import Counter

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.harness.bridge_process import BridgeProcess, write_configuration
from tests.harness.cli_runner import called
from tests.harness.publisher import Publisher
from tests.harness.service_manager import ServiceManager
from tests.harness.telemetry import telemetry
from tests.integration.arrivals import TELEMETRY, Arrivals, eventually, stop_and_balance

pytestmark = pytest.mark.slow

WORDS = {"ok": "OK", "degraded": "WARNING", "failing": "ERROR"}
RECOVERY_SECS = 120
"""The bridge retries a stream that AWS refuses only once a minute."""


class Surfaces:
    """State of a bridge, as reported by the command, the page, /readyz, the metrics and the log."""

    def __init__(self, running, port):
        self._folder = running.folder
        self._url = f"http://127.0.0.1:{port}"

    def fetch(self, path):
        try:
            with urllib.request.urlopen(self._url + path, timeout=10) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def page(self):
        """Return the state and the problems, as the page gets them."""
        return json.loads(self.fetch("/api/status")[1])

    def wait_for(self, state, *codes):
        """Wait for the state with exactly these problems, then check that all surfaces report the same."""
        eventually(
            lambda: (told := self.page())["state"] == state and [each["code"] for each in told["problems"]] == [*codes],
            lambda: f"{state} {codes}; last: {self.page()['verdict']}",
            timeout_secs=RECOVERY_SECS,
        )
        self.check(state, codes)

    def check(self, state, codes):
        text, machine = called(self._folder, "status"), called(self._folder, "status", "--json")
        status = json.loads(machine.stdout)["status"]
        assert (text.returncode, machine.returncode) == ((0, 0) if state == "ok" else (1, 1))
        assert (status["state"], [each["code"] for each in status["problems"]]) == (state, [*codes])
        assert text.stdout.split()[0] == WORDS[state]
        assert status["verdict"].startswith(f"{WORDS[state]}: ")
        for problem in status["problems"]:
            assert problem["summary"] in text.stdout
            assert problem["cause"].splitlines()[0] in text.stdout
            assert problem["advice"] in text.stdout
        self.check_health(state, status["problems"])
        self.check_metrics(state, status["problems"])

    def check_health(self, state, problems):
        code, body = self.fetch("/readyz")
        ready = json.loads(body)
        assert (code, ready["ok"], ready["state"]) == (503 if state == "failing" else 200, state != "failing", state)
        errors = [each["summary"] for each in problems if each["severity"] == "error"]
        assert len(ready["reasons"]) == len(errors)
        assert all(summary in reason for summary, reason in zip(errors, ready["reasons"], strict=True))
        assert self.fetch("/healthz") == (200, b'{"ok":true,"reasons":[]}')

    def check_metrics(self, state, problems):
        families = {
            each.name: each.samples for each in text_string_to_metric_families(self.fetch("/metrics")[1].decode())
        }
        states = {each.labels["state"]: each.value for each in families["mqtt_kinesis_state"]}
        assert states == {name: int(name == state) for name in WORDS}
        active = {
            (each.labels["code"], each.labels["severity"]) for each in families["mqtt_kinesis_problems"] if each.value
        }
        assert active == {(each["code"], each["severity"]) for each in problems}
        assert [each.value for each in families["mqtt_kinesis_ready"]] == [int(state != "failing")]


@pytest.mark.timeout(400)
def test_status_of_a_real_bridge_is_true_at_every_station(tmp_path, mosquitto, kinesis, proxy, free_port):
    link = proxy(kinesis.port)
    write_configuration(
        tmp_path,
        mqtt={"url": f"mqtt://127.0.0.1:{mosquitto.port}"},
        kinesis={"endpoint_url": f"http://127.0.0.1:{link.port}"},
        mappings={"press": TELEMETRY},
        http={"listen": f"127.0.0.1:{free_port}"},
    )
    arrivals = Arrivals(kinesis)
    with (
        ServiceManager(str(tmp_path / "notify")) as manager,
        BridgeProcess(tmp_path, entry=("tests.harness.short_outage",), environment=manager.environment) as running,
    ):
        running.wait_for("status page listening")
        shown = Surfaces(running, free_port)

        def publish(first, count):
            with Publisher(mosquitto.port) as publisher:
                publisher.publish(telemetry(count, first=first), 1)

        # 1. Data flows.
        publish(0, 50)
        arrivals.wait_for_all(range(50))
        shown.wait_for("ok")
        assert manager.until("STATUS=OK") == "STATUS=OK: receiving, spooling and delivering"

        # 2. Kinesis is unreachable: received messages are buffered, and the problem shows the cause.
        link.cut()
        publish(50, 50)
        shown.wait_for("failing", "stream-stalled")
        [stalled] = shown.page()["problems"]
        assert f"127.0.0.1:{link.port}" in stalled["cause"]
        assert stalled["safe"] == "50 records buffered on disk; none lost"
        assert manager.until("STATUS=ERROR").startswith("STATUS=ERROR: Kinesis accepts no records of stream telemetry")

        # 3. The link works again, and all records arrive.
        link.heal()
        arrivals.wait_for_all(range(100))
        shown.wait_for("ok")

        # 4. The stream is deleted: AWS refuses, and a person must act.
        kinesis.control({"delete": "telemetry"})
        publish(100, 10)
        shown.wait_for("failing", "stream-refused")
        [refused] = shown.page()["problems"]
        assert refused["cause"].startswith("ResourceNotFoundException: ")
        assert refused["advice"].startswith("create stream telemetry")

        # 5. The stream is created again.
        kinesis.create("telemetry", 2)
        shown.wait_for("ok")
        Arrivals(kinesis).wait_for_all(range(100, 110))

        # 6. The broker stops. The interruption is a warning first, and an error when it lasts.
        mosquitto.stop()
        shown.wait_for("failing", "not-connected")
        [away] = shown.page()["problems"]
        assert f"mqtt://127.0.0.1:{mosquitto.port}" in away["summary"]
        assert away["attempts"] >= 1

        # 7. The broker runs again.
        mosquitto.start()
        shown.wait_for("ok")

        # 8. A mapping breaks: its last good version stays active, so the bridge is degraded and ready.
        file = tmp_path / "mappings" / "press.yaml"
        text = file.read_text()
        file.write_text(text.replace("outputs:", "outputs: ["))
        shown.wait_for("degraded", "mapping-failing")
        file.write_text(text)
        shown.wait_for("ok")
        eventually(
            lambda: logged(running, "problem ended after ")["stream-refused"], "the end of each problem is logged"
        )
        stop_and_balance(running)
    began, ended = logged(running, "problem: "), logged(running, "problem ended after ")
    assert (began["stream-stalled"], began["stream-refused"]) == (1, 1)
    assert ended["stream-stalled"] == 1


def logged(running, words):
    """Count the log lines by the code of the problem."""
    return Counter(line["code"] for line in running.log() if (line["event"] or "").startswith(words))
