"""Event log and curves of a real bridge with workers: one list of events, and the sum of the curves."""

import json
import urllib.request

import pytest

from tests.fakes.kinesis import KinesisStandIn
from tests.harness.bridge_process import write_configuration
from tests.harness.mosquitto import Mosquitto
from tests.harness.network import free_port
from tests.harness.workers import Workers
from tests.integration.arrivals import eventually

MAPPING = """\
topic: plant/{machine}
outputs: [{data_stream: telemetry, partition_key_from: captures.machine}]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("recording")


def test_workers_have_one_event_log_and_the_curves_of_their_sum(folder):
    port = free_port()

    def get(path):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as response:
            return json.loads(response.read())

    def event(kind, text):
        events = get(f"/api/event-log?kind={kind}")["events"]
        return next((each for each in events if text in each["text"]), None)

    with Mosquitto() as broker, KinesisStandIn({"telemetry": 1}) as kinesis:
        write_configuration(
            folder,
            mqtt={"url": f"mqtt://127.0.0.1:{broker.port}", "client_id": "plant"},
            kinesis={"endpoint_url": kinesis.url},
            mappings={"plant": MAPPING},
            http={"listen": f"127.0.0.1:{port}"},
        )
        with Workers(folder, 2) as bridge:
            bridge.wait_for("status page listening")
            eventually(
                lambda: (event("connected", "connected to") or {}).get("worker") == "worker 1, worker 2",
                "the connections of both workers are one entry",
            )
            text = (folder / "mappings" / "plant.yaml").read_text()
            (folder / "mappings" / "plant.yaml").write_text(text + "outputs: [\n")
            eventually(lambda: event("reload", "plant not loaded"), "the error of a reload is an event")
            (folder / "mappings" / "plant.yaml").write_text(text + "qos: 1\n")
            eventually(lambda: event("reload", "plant loaded"), "the reload is an event", timeout_secs=90)
            bridge.kill_worker(1)
            eventually(
                lambda: [
                    each
                    for each in get("/api/event-log?kind=started")["events"]
                    if each.get("worker") == "worker 1" and "did not stop cleanly" in each["detail"]
                ],
                "the killed worker reports its end",
                timeout_secs=90,
            )
            eventually(
                lambda: any(each for each in get("/api/curves")["series"]["memory"] if each),
                "the curves have the memory of all processes",
            )
            bridge.stop()
    assert (folder / "data" / "supervisor" / "curves.bin").stat().st_mode & 0o777 == 0o600
    assert not (folder / "data" / "worker-1" / "curves.bin").exists()
