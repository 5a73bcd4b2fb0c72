"""Topic filters that overlap, and retained messages."""

from collections import Counter

import orjson
import pytest

from bridge.config import load_settings
from bridge.runtime.assembly import assemble
from tests.harness.bridge_process import write_configuration
from tests.harness.publisher import Publisher
from tests.integration.arrivals import Arrivals, eventually, stop_and_balance


def mapping(topic, **more):
    transform = "{mapping: mapping, count: payload, topic: topic, retain: retain}"
    return {"topic": topic, "transform": transform, "outputs": [{"data_stream": "telemetry"}], **more}


def by_mapping(data):
    record = orjson.loads(data)
    return record["mapping"], record["count"]


def numbered(topic, numbers):
    return [(topic, b"%d" % number) for number in numbers]


@pytest.mark.parametrize(
    ("protocol", "overlapping"),
    [("5", "join"), ("3.1.1", "join"), ("5", "separate")],
)
@pytest.mark.parametrize("share", [None, "line3"])
def test_overlapping_filters_give_each_mapping_a_message_once(mosquitto, kinesis, bridge, protocol, overlapping, share):
    mqtt = {"protocol": protocol, "overlapping_filters": overlapping} | ({"share": share} if share else {})
    mappings = {
        "all": mapping("plant/#"),
        "line": mapping("plant/+/press"),
        "press": mapping("plant/line3/press"),
        "twin": mapping("plant/{line}/press", qos=0),
    }
    running = bridge(mappings, mqtt=mqtt, here=True)
    arrivals = Arrivals(kinesis, number=by_mapping)
    with Publisher(mosquitto.port) as publisher:
        publisher.publish(numbered("plant/line3/press", range(300)), 1)
        publisher.publish(numbered("plant/line4/press", range(300, 400)), 1)
        publisher.publish(numbered("plant/line3/oven", range(400, 450)), 1)
    wanted = {
        *(("press", number) for number in range(300)),
        *((name, number) for name in ("line", "twin") for number in range(400)),
        *(("all", number) for number in range(450)),
    }
    arrivals.wait_for_all(wanted)
    ledger = stop_and_balance(running)
    assert arrivals.duplicates == 0
    received = Counter({name: line["received"] for (name, _), line in ledger.lines.items() if name})
    assert received == {"all": 450, "line": 400, "twin": 400, "press": 300}


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_retained_messages_are_marked_and_may_be_skipped(mosquitto, kinesis, bridge, protocol):
    with Publisher(mosquitto.port) as publisher:
        publisher.publish(numbered("plant/state", [1]), 1, retain=True)
        mappings = {"takes": mapping("plant/state"), "skips": mapping("plant/#", retained="skip")}
        running = bridge(mappings, mqtt={"protocol": protocol}, here=True)
        arrivals = Arrivals(kinesis, number=lambda data: (*by_mapping(data), orjson.loads(data)["retain"]))
        arrivals.wait_for(1)
        publisher.publish(numbered("plant/state", [2]), 1)
    arrivals.wait_for_all({("takes", 1, True), ("takes", 2, False), ("skips", 2, False)})
    ledger = stop_and_balance(running)
    assert ledger.lines["skips", "telemetry"]["filtered"] >= 1


def test_snapshot_counts_messages_by_mapping_and_unmatched(tmp_path, mosquitto, kinesis):
    write_configuration(
        tmp_path,
        mappings={"line": mapping("plant/+/press"), "all3": mapping("plant/line3/+"), "never": mapping("other")},
        mqtt={"url": f"mqtt://127.0.0.1:{mosquitto.port}"},
        kinesis={"endpoint_url": kinesis.url},
    )
    service = assemble(load_settings(tmp_path / "bridge.yaml", {}))
    service.start()
    try:
        eventually(lambda: service.snapshot().subscribed, "a subscription")
        with Publisher(mosquitto.port) as publisher:
            publisher.publish(numbered("plant/line3/press", range(10)), 1)
            publisher.publish(numbered("plant/line4/oven", range(5)), 1)
        eventually(lambda: service.snapshot().received_messages == 15, "all messages")
        report = service.snapshot().coverage
    finally:
        assert service.stop(10)
    assert {each.name: each.messages for each in report.mappings} == {"line": 10, "all3": 10, "never": 0}
    assert [(each.topic, each.messages) for each in report.topics] == [("plant/line4/oven", 5)]
    assert report.since_ms <= report.topics[0].last_ms <= report.at_ms
