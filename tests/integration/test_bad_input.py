"""Messages that can never become records: each becomes one dead letter, and all other messages are delivered."""

import contextlib
import sqlite3

import orjson
import pytest

from tests.harness.publisher import Publisher
from tests.integration.arrivals import Arrivals, balanced_ledger

MIB = 1024 * 1024
MAPPING = {
    "topic": "plant/{machine}",
    "transform": "{count: payload.count, ratio: divide(payload.count, payload.by), pad: payload.pad}",
    "outputs": [{"data_stream": "telemetry", "partition_key_from": "payload.key"}],
}


def message(count, **more):
    return b"plant/press", orjson.dumps({"count": count, "by": 2, "key": "press", **more})


BAD = {
    "malformed JSON": (b'{"count": 1, "by"', "decode"),
    "not UTF-8": (b'{"count": "\xff"}', "decode"),
    "empty": (b"", "decode"),
    "a transform that fails": (message(2, by=0)[1], "transform"),
    "an over-long key": (message(3, key="k" * 257)[1], "partition_key"),
    "an empty key": (message(4, key="")[1], "partition_key"),
    "no key at all": (message(5, key=None)[1], "partition_key"),
    "a record that the stream does not take": (message(6, pad="x" * MIB)[1], "too_large"),
    "more than mqtt.max_message_bytes": (message(7, pad="x" * (3 * MIB))[1], "too_large"),
}


@pytest.fixture
def dead_letters(mosquitto, kinesis, bridge):
    """Dead letters of a bridge that received good and bad messages in turn."""
    running, arrivals = bridge({"press": MAPPING}, mqtt={"max_message_bytes": "2 MiB"}, here=True), Arrivals(kinesis)
    good = [("plant/press", message(100 + number)[1]) for number in range(200)]
    bad = [("plant/press", payload) for payload, _ in BAD.values()]
    mixed = [each for place, payload in enumerate(bad) for each in (*good[place * 20 : place * 20 + 20], payload)]
    with Publisher(mosquitto.port) as publisher:
        publisher.publish([*mixed, *good[20 * len(bad) :]], 1)
    arrivals.wait_for_all(range(100, 300))
    assert arrivals.duplicates == 0
    running.stop()
    ledger = balanced_ledger(running)
    assert (ledger.total("received"), ledger.total("delivered")) == (200 + len(BAD), 200)
    assert ledger.total("dead_lettered") == ledger.dead_letters == len(BAD)
    return read_dead_letters(running.folder / "data" / "spool.db")


def read_dead_letters(database):
    query = "select payload, code, detail, topic, mapping, total_bytes, qos from dead_letters order by number"
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


def test_bad_message_is_one_dead_letter_with_payload_and_reason(dead_letters):
    in_order_of_mapping = [dead_letter for dead_letter in dead_letters if not refused_by_stream(dead_letter)]
    wanted = [(payload, code) for name, (payload, code) in BAD.items() if "stream" not in name]
    for (payload, code, detail, topic, mapping, total_bytes, qos), (raw, reason) in zip(
        in_order_of_mapping, wanted, strict=True
    ):
        assert (code, topic, mapping, qos, total_bytes) == (reason, "plant/press", "press", 1, len(raw))
        assert payload == raw[: len(payload)]
        assert len(payload) == len(raw) if len(raw) <= 2 * MIB else len(payload) == 65_536
        assert len(detail) > 10


def refused_by_stream(dead_letter):
    return MIB < dead_letter[5] <= 2 * MIB


def test_record_that_the_stream_does_not_take_is_stored_complete(dead_letters):
    (dead_letter,) = filter(refused_by_stream, dead_letters)
    assert dead_letter[1] == "too_large"
    assert orjson.loads(dead_letter[0])["pad"] == "x" * MIB
