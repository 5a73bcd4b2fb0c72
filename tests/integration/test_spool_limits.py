"""A running bridge whose spool is full, damaged, or in use by another bridge."""

import orjson

from tests.harness.bridge_process import BridgeProcess
from tests.harness.publisher import Publisher
from tests.harness.telemetry import telemetry
from tests.integration.arrivals import TELEMETRY, Arrivals, balanced_ledger, eventually, stop_and_balance

SMALL = 16 * 1024 * 1024
WHOLE = {"topic": "plant/#", "outputs": [{"data_stream": "telemetry"}]}
COUNT = 2_600


def large(count=COUNT):
    """Return messages of 8 kB each, which together do not fit into the spool."""
    return [("plant/press", orjson.dumps({"count": number, "fill": "x" * 8000})) for number in range(count)]


def test_full_spool_blocks_and_the_broker_keeps_the_rest(mosquitto, kinesis, bridge):
    running = bridge({"press": WHOLE}, spool={"path": "data/", "max_bytes": SMALL}, here=True)
    arrivals = Arrivals(kinesis)
    kinesis.fault("error", status=500)
    with Publisher(mosquitto.port) as publisher:
        publisher.publish(large(), 1)
    eventually(lambda: "back-pressure: reading paused" in running.stderr(), "the spool is full", timeout_secs=60)
    assert sum(file.stat().st_size for file in (running.folder / "data").glob("spool.db*")) < 2 * SMALL
    kinesis.clear()
    arrivals.wait_for_all(range(COUNT))
    stop_and_balance(running)


def test_drop_oldest_continues_and_counts_what_it_dropped(mosquitto, kinesis, bridge):
    spool = {"path": "data/", "max_bytes": SMALL, "when_full": "drop_oldest"}
    running, arrivals = bridge({"press": WHOLE}, spool=spool, here=True), Arrivals(kinesis)
    kinesis.fault("error", status=500)
    with Publisher(mosquitto.port) as publisher:
        publisher.publish(large(), 1)
    eventually(lambda: "dropped the" in running.stderr(), "records are dropped", timeout_secs=60)
    kinesis.clear()
    eventually(lambda: COUNT - 1 in arrivals.read(), "the newest arrives", timeout_secs=60)
    ledger = stop_and_balance(running)
    line = ledger.lines["press", "telemetry"]
    assert line["dropped"] > 0
    assert line["received"] == COUNT
    assert len(arrivals.read()) >= line["delivered"] - arrivals.duplicates


def test_second_bridge_on_the_same_spool_is_refused(mosquitto, kinesis, bridge):
    running = bridge({"press": TELEMETRY}, here=True)
    with BridgeProcess(running.folder, await_subscribed=False) as second:
        assert second.wait() == 1
    assert "another bridge" in running.stderr()
    assert stop_and_balance(running)


def test_damaged_spool_is_set_aside_and_the_bridge_continues(mosquitto, kinesis, bridge):
    running, arrivals = bridge({"press": TELEMETRY}), Arrivals(kinesis)
    kinesis.fault("error", status=500)
    with Publisher(mosquitto.port) as publisher:
        publisher.publish(telemetry(500), 1)
        eventually(lambda: len(arrivals.read()) == 0 and kinesis.operations["PutRecords", "telemetry"], "it is spooled")
        running.kill()
        database = running.folder / "data" / "spool.db"
        database.write_bytes(b"no database at all" * 1000)
        for rest in ("spool.db-wal", "spool.db-shm"):
            (running.folder / "data" / rest).unlink(missing_ok=True)
        kinesis.clear()
        running.start()
        publisher.publish([(topic, payload) for topic, payload in telemetry(600)][500:], 1)
    arrivals.wait_for(100)
    assert list((running.folder / "data").glob("*damaged*")) or "set aside" in running.stderr()
    assert running.stop() == 0
    balanced_ledger(running)
