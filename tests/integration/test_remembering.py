"""Stateful mappings in a bridge that is killed: `changes`, `sample`, and Sparkplug with a real edge node."""

import time

import orjson

from tests.harness.cli_runner import called
from tests.harness.ledger import read_ledger
from tests.harness.publisher import Publisher
from tests.integration.arrivals import Arrivals, eventually, stop_and_balance
from tests.payloads.sparkplug.edge_node import EdgeNode

OUTPUTS = [{"data_stream": "telemetry"}]


def values(*numbers):
    return [("plant/press", b"%d" % number) for number in numbers]


def test_changes_filter_after_a_kill_knows_the_last_sent_value(mosquitto, kinesis, bridge):
    running = bridge({"changes": {"topic": "plant/press", "changes": {"deadband": 5}, "outputs": OUTPUTS}})
    arrivals = Arrivals(kinesis, number=orjson.loads)
    with Publisher(mosquitto.port) as publisher:
        publisher.publish(values(10, 12, 20, 22), 1)
        arrivals.wait_for_all({10, 20})
        running.kill()
        publisher.publish(values(24, 15, 14), 1)
        running.start()
        arrivals.wait_for_all({10, 20, 14})
    ledger = stop_and_balance(running)
    line = ledger.lines["changes", "telemetry"]
    assert (line["received"], line["delivered"], line["filtered"]) == (7, 3, 4)


def test_sample_held_in_memory_survives_a_kill(mosquitto, kinesis, bridge):
    mapping = {"topic": "plant/press", "sample": {"every_secs": 2}, "outputs": OUTPUTS}
    running = bridge({"sample": mapping})
    arrivals = Arrivals(kinesis, number=orjson.loads)
    with Publisher(mosquitto.port) as publisher:
        wait_for_span(2)
        publisher.publish(values(1, 2, 3), 1)
        # The third message waits for the end of its span. It counts as received only when it is sent.
        eventually(lambda: read_ledger(running.folder / "data").total("filtered") == 2, "two are replaced by the third")
        assert not arrivals.read()
        running.kill()
        running.start()
        arrivals.wait_for_all({3})
        eventually(lambda: read_ledger(running.folder / "data").total("delivered") == 1, "the third is settled")
    ledger = stop_and_balance(running)
    line = ledger.lines["sample", "telemetry"]
    # It is more than three if the bridge was killed before its PUBACKs, because the broker then sends messages again.
    assert line["received"] == line["delivered"] + line["filtered"] >= 3
    assert line["delivered"] == 1


def test_state_cleared_while_the_bridge_runs_is_empty_after_a_kill_too(mosquitto, kinesis, bridge):
    running = bridge({"changes": {"topic": "plant/press", "changes": {"deadband": 5}, "outputs": OUTPUTS}})
    arrivals = Arrivals(kinesis, number=orjson.loads)
    with Publisher(mosquitto.port) as publisher:
        publisher.publish(values(10, 12), 1)
        arrivals.wait_for_all({10})
        eventually(lambda: read_ledger(running.folder / "data").total("filtered") == 1, "the second is filtered")
        done = called(running.folder, "state", "clear", "changes", "--yes")
        assert (done.returncode, done.stdout) == (0, "cleared 1 key of mapping 'changes'\n")
        again = called(running.folder, "state", "clear", "changes", "--yes")
        assert (again.returncode, again.stdout) == (1, "cleared 0 keys of mapping 'changes'\n")
        running.kill()
        running.start()
        publisher.publish(values(12), 1)
        arrivals.wait_for_all({10, 12})
    line = stop_and_balance(running).lines["changes", "telemetry"]
    assert (line["received"], line["delivered"], line["filtered"]) == (3, 2, 1)


def wait_for_span(secs):
    """Wait until a time span has just begun, so that the test ends within this span."""
    if (gone := time.time() % secs) > secs / 4:
        time.sleep(secs - gone)


def test_rebirth_request_makes_metrics_arrive_by_name(mosquitto, kinesis, bridge):
    mapping = {
        "topic": "spBv1.0/{group}/{type}/{node}",
        "payload": "sparkplug_b",
        "where": "payload.type == 'NDATA' && payload.metrics.Load",
        "transform": "payload.metrics.Load.value",
        "outputs": OUTPUTS,
    }
    arrivals = Arrivals(kinesis, number=orjson.loads)
    metrics = [{"name": "Load", "alias": 1, "type": "Double", "value": 0.5}]
    with EdgeNode(mosquitto.port, metrics=metrics) as node:
        running = bridge({"sparkplug": mapping})  # the bridge starts too late to receive the birth
        node.order("ndata", metrics=[{"alias": 1, "type": "Double", "value": 1.5}])
        node.wait_for("command")
        node.wait_for("born", 2)
        node.order("ndata", metrics=[{"alias": 1, "type": "Double", "value": 2.5}])
        arrivals.wait_for_all({2.5})
        running.kill()
        running.start()
        node.order("ndata", metrics=[{"alias": 1, "type": "Double", "value": 3.5}])
        arrivals.wait_for_all({2.5, 3.5})
        assert len(node.wait_for("born", 2)) == 2, "the births were not known after the kill"
    stop_and_balance(running)
