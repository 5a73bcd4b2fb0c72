"""Three bridges of one `mqtt.share` on one broker. One of them is killed during the test."""

import contextlib
import threading

from tests.harness.bridge_process import BridgeProcess, write_configuration
from tests.harness.ledger import read_ledger
from tests.harness.publisher import Publisher
from tests.harness.telemetry import telemetry
from tests.integration.arrivals import TELEMETRY, Arrivals, eventually

COUNT = 4_000


def test_killed_worker_returns_to_its_own_backlog(tmp_path, mosquitto, kinesis):
    arrivals, bridges = Arrivals(kinesis), []
    with contextlib.ExitStack() as parts, Publisher(mosquitto.port) as publisher:
        for number in (1, 2, 3):
            folder = write_configuration(
                tmp_path / f"bridge-{number}",
                mqtt={"url": f"mqtt://127.0.0.1:{mosquitto.port}", "client_id": f"bridge-{number}", "share": "hall"},
                kinesis={"endpoint_url": kinesis.url},
                mappings={"press": TELEMETRY},
            )
            bridges.append(parts.enter_context(BridgeProcess(folder)))
        publishing = threading.Thread(target=publisher.publish, args=(telemetry(COUNT), 1, 1_500))
        publishing.start()
        arrivals.wait_for(500)
        kinesis.fault("error", requests=None)
        # The records in flight when the fault began are still delivered. 200 is more than that.
        eventually(lambda: read_ledger(bridges[1].folder / "data").in_queues > 200, "the second has a backlog")
        bridges[1].kill()
        held = read_ledger(bridges[1].folder / "data").in_queues
        kinesis.clear()
        before = [read_ledger(each.folder / "data").total("delivered") for each in bridges]
        publishing.join()
        eventually(
            lambda: (
                min(read_ledger(bridges[each].folder / "data").total("delivered") - before[each] for each in (0, 2))
                > 500
            ),
            "the rest go on",
        )
        assert held > 50
        assert len(arrivals.read()) < COUNT
        bridges[1].start()
        arrivals.wait_for_all(range(COUNT))
        for each in bridges:
            assert each.stop() == 0, each.stderr()[-3000:]
            ledger = read_ledger(each.folder / "data")
            ledger.check()
            assert (ledger.total("spooled"), ledger.total("received") > COUNT // 10) == (0, True)
