import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.ingest import burst_mapper
from bridge.ingest.bindings import bind_mappings
from bridge.ingest.burst_mapper import BurstMapper
from bridge.ingest.poison_guard import LARGE_BYTES, PoisonGuard
from bridge.ingest.topic_coverage import TopicCoverage
from bridge.mapping.router import Router
from bridge.mqtt.packet_stream import PUBREL
from bridge.spool.read_only import all_dead_letters
from tests.mapping.builders import mapping
from tests.spool.builders import data_of, opened, take_all

NOW_MS = 1_700_000_000_000
QOS_0, QOS_1, QOS_2, RETAINED = 0x30, 0x32, 0x34, 0x33


def publish(payload, first=QOS_1, topic=b"f/press07", packet=7, total_bytes=None, properties=b""):
    packet_id = packet.to_bytes(2) if first != QOS_0 else b""
    return first, topic, packet_id, properties, payload, len(payload) if total_bytes is None else total_bytes


class Rig:
    def __init__(self, folder, *mappings):
        self.spool = opened(folder)
        self.routes = Router(mappings)
        self.coverage = TopicCoverage(NOW_MS)
        self.mapper = BurstMapper(self.spool, self.routes, self.coverage)
        places = bind_mappings(self.spool, mappings, self.coverage.tally)
        self.mapper.bind(self.routes, places, (self.spool.mapping_number(""), self.spool.stream_number("")))

    def map(self, *burst):
        """Map and commit a burst, and return its acknowledgement packets."""
        acknowledged = self.mapper.map(list(burst), NOW_MS)
        self.spool.commit(self.mapper.transaction)
        return acknowledged

    def ledger(self):
        return {
            (row.mapping, row.stream): (row.received, row.filtered, row.dead_lettered)
            for row in self.spool.ledger_rows()
        }


@pytest.fixture
def made(tmp_path):
    rigs = []

    def make(*mappings):
        rigs.append(Rig(tmp_path / str(len(rigs)), *mappings))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.spool.close()


def mapped(name="m", **options):
    return mapping(name, topic="f/{machine}", **options)


def test_burst_is_acknowledged_by_the_qos_of_each_message(made):
    rig = made(mapped())
    burst = [publish(b"1", QOS_0), publish(b"2", QOS_1, packet=0x0102), publish(b"3", QOS_2, packet=3)]
    assert rig.map(*burst) == b"\x40\x02\x01\x02\x50\x02\x00\x03"
    assert data_of(take_all(rig.spool, stream="s")) == [b"1", b"2", b"3"]


def test_redelivered_identifier_is_only_acknowledged_until_release(made):
    rig = made(mapped())
    one = publish(b"1", QOS_2)
    assert rig.map(one) + rig.map(one) == b"\x50\x02\x00\x07" * 2
    assert rig.map((PUBREL, b"", b"\x00\x07", b"", b"", 0)) == b"\x70\x02\x00\x07"
    rig.map(one)
    assert data_of(take_all(rig.spool, stream="s")) == [b"1", b"1"]
    assert (rig.mapper.counts.messages, rig.mapper.counts.redelivered) == (3, 1)


def test_fast_and_general_paths_keep_the_order_of_messages(made):
    rig = made(mapped(transform="payload.t", outputs=[{"data_stream": "s", "partition_key_from": "payload.key"}]))
    rig.map(*[publish(b'{"t":%d,"key":%b}' % (t, key)) for t, key in enumerate([b'"a"', b"5", b'"\xc3\xa9"', b'"b"'])])
    records = take_all(rig.spool, stream="s")
    assert [(record.key, record.data) for record in records] == [("a", b"0"), ("5", b"1"), ("é", b"2"), ("b", b"3")]


def test_ledger_counts_each_message_for_every_outcome(made):
    rig = made(mapped(where="payload.run", transform="{t: payload.t}"), mapped("other", where="topic == 'f/press07'"))
    rig.map(
        publish(b'{"run":true,"t":1}'),
        publish(b'{"run":false}'),
        publish(b"{"),
        publish(b"{", total_bytes=100),
        publish(b"{}", topic=b"elsewhere"),
        publish(b"{}", topic=b"\xff"),
    )
    assert rig.ledger() == {("m", "s"): (4, 1, 2), ("other", "s"): (4, 0, 2), ("", ""): (2, 1, 1)}
    assert {
        mapping.name: mapping.messages for mapping in rig.coverage.report(rig.routes.mappings, NOW_MS).mappings
    } == {
        "m": 4,
        "other": 4,
    }


def test_message_is_read_once_however_many_mappings_it_goes_to(made, monkeypatch):
    read = []
    monkeypatch.setattr("bridge.ingest.burst_mapper.readable", lambda properties: read.append(properties) or {})
    rig = made(*(mapped(name, transform="{c: properties}") for name in ("one", "two")))
    rig.map(publish(b"1", properties=b"\x03\x00\x01x"))
    assert read == [b"\x03\x00\x01x"]


def test_properties_and_the_retained_flag_are_seen(made):
    rig = made(mapped(transform="{r: retain, c: properties.content_type}"))
    rig.map(publish(b"1", RETAINED, properties=b"\x03\x00\x01x"))
    assert data_of(take_all(rig.spool, stream="s")) == [b'{"r":true,"c":"x"}']


@pytest.mark.parametrize("keep", ["first", "last", "mean", "min_max"])
def test_sampled_record_with_an_envelope_gets_the_id_of_its_number(made, keep):
    value = {"value": "payload"} if keep in {"mean", "min_max"} else {}
    sampled = mapped(
        sample={"every_secs": 10, "keep": keep, **value},
        transform="{v: sample.mean}" if keep == "mean" else "payload",
        outputs=[{"data_stream": "s", "envelope": True}],
    )
    rig = made(sampled)
    for span in range(3):
        rig.mapper.map([publish(b"1"), publish(b"2")], NOW_MS + span * 10_000)
        rig.spool.commit(rig.mapper.transaction)
    rig.mapper.append_released([(1, each) for each in sampled.stateful.release_ended(NOW_MS + 30_000)])
    rig.spool.commit(rig.mapper.transaction)
    records = take_all(rig.spool, stream="s")
    ids = [orjson.loads(record.data)["id"] for record in records]
    spool = rig.spool.id.decode()
    assert ids == [f"{spool}-{rig.spool.queue('s').number:04x}-{record.number:012x}" for record in records]
    assert len(ids) == (6 if keep == "min_max" else 3)


def test_empty_topic_is_a_dead_letter_and_is_logged_once(made, caplog):
    rig = made(mapping("all", topic="#"))
    alias = b"\x23\x00\x01"
    burst = [publish(b"1", topic=b"", properties=alias), publish(b"2", topic=b"")]
    assert rig.map(*burst) == b"\x40\x02\x00\x07" * 2
    assert rig.ledger() == {("", ""): (2, 0, 2)}
    dead_letters = [each.dead_letter for each in all_dead_letters(rig.spool.folder.path)]
    assert [(each.code, each.detail) for each in dead_letters] == [
        ("topic", "no topic, but a topic alias that the bridge does not permit"),
        ("topic", "the topic is empty"),
    ]
    assert caplog.text.count("the broker sends messages with an empty topic") == 1


def test_copy_of_an_overlapping_subscription_is_for_its_own_mappings_only(made):
    rig = made(mapping("wide", topic="f/#"), mapping("narrow", topic="f/{machine}"), mapping("other", topic="g"))
    rig.mapper.separate({"f/#": 1, "f/+": 200})
    rig.map(publish(b"1", properties=b"\x0b\x01"), publish(b"2", properties=b"\x0b\xc8\x01"))
    assert rig.ledger() == {("wide", "s"): (1, 0, 0), ("narrow", "s"): (1, 0, 0)}
    rig.map(publish(b"3", properties=b"\x0b\x01\x0b\xc8\x01"))  # one copy for both
    assert rig.ledger() == {("wide", "s"): (2, 0, 0), ("narrow", "s"): (2, 0, 0)}


@pytest.mark.parametrize("properties", [b"", b"\x0b\x07", b"\x7f"], ids=["none", "unknown", "malformed"])
def test_copy_without_a_known_identifier_is_for_all_mappings(made, properties):
    rig = made(mapping("wide", topic="f/#"), mapping("narrow", topic="f/{machine}"))
    rig.mapper.separate({"f/#": 1, "f/+": 2})
    rig.map(publish(b"1", properties=properties))
    assert rig.ledger() == {("wide", "s"): (1, 0, 0), ("narrow", "s"): (1, 0, 0)}


def test_copy_that_is_too_large_is_a_dead_letter_of_its_own_mapping(made):
    rig = made(mapping("wide", topic="f/#"), mapping("narrow", topic="f/{machine}"))
    rig.mapper.separate({"f/#": 1, "f/+": 2})
    rig.map(publish(b"1", total_bytes=100, properties=b"\x0b\x02"), publish(b"2", topic=b"elsewhere"))
    assert rig.ledger() == {("narrow", "s"): (1, 0, 1), ("", ""): (1, 1, 0)}


def test_topic_that_except_excludes_is_filtered_and_not_unmatched(made):
    rig = made(mapping("m", topic="f/{device...}", **{"except": "f/+/availability"}))
    rig.map(publish(b"online", topic=b"f/a/availability"), publish(b"{}", topic=b"f/a"), publish(b"{}", topic=b"g"))
    assert rig.mapper.counts.unmatched == 1
    assert [each.topic for each in rig.coverage.report(rig.routes.mappings, NOW_MS).topics] == ["g"]
    assert rig.ledger()["", ""] == (2, 2, 0)


@pytest.mark.parametrize("first", [QOS_0, QOS_1, QOS_2])
def test_poison_message_is_a_dead_letter_and_acknowledged(made, first):
    rig = made(mapped())
    poison, good = publish(b"1" * (LARGE_BYTES + 1), first), publish(b"2", first, packet=8)
    for _ in range(2):
        guard = PoisonGuard(rig.spool)
        guard.begin_burst()
        guard.begin_message(poison[1], poison[4])
    rig.mapper._guard = PoisonGuard(rig.spool)
    expected = {QOS_0: b"", QOS_1: b"\x40\x02\x00\x07\x40\x02\x00\x08", QOS_2: b"\x50\x02\x00\x07\x50\x02\x00\x08"}
    assert rig.map(poison, good) == expected[first]
    assert data_of(take_all(rig.spool, stream="s")) == [b"2"]
    [stored] = all_dead_letters(rig.spool.folder.path)
    assert (stored.dead_letter.code, stored.dead_letter.payload) == ("poison", poison[4])
    assert rig.ledger() == {("m", "s"): (2, 0, 1)}


@pytest.mark.parametrize("large", [False, True])
def test_burst_of_too_many_records_is_mapped_in_parts(made, monkeypatch, large):
    monkeypatch.setattr(burst_mapper, "MAX_TRANSACTION_RECORDS", 10)
    rig = made(mapped(transform="payload.a", each=True))
    pad = "x" * (LARGE_BYTES if large else 1)
    burst = [publish(orjson.dumps({"a": [number] * 4, "pad": pad}), packet=number + 1) for number in range(7)]
    parts, acknowledged = [], b""
    while burst:
        acknowledged += rig.map(*burst)
        parts.append(len(burst) - len(rig.mapper.rest))
        burst = rig.mapper.rest
    assert parts == [3, 3, 1]
    assert acknowledged == b"".join(b"\x40\x02" + (number + 1).to_bytes(2) for number in range(7))
    assert len(take_all(rig.spool, stream="s")) == 28
    assert rig.mapper.counts.messages == 7


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from([b"f/a", b"f/s packing=kpl", b"other", b"\xff"]), st.text(max_size=5)), max_size=9
    )
)
def test_messages_never_add_a_stream_or_a_queue(made, messages):
    rig = made(mapped(outputs=[{"data_stream": "s", "partition_key_from": "payload"}]), mapped("n"))
    rig.map(*[publish(orjson.dumps(text), topic=topic) for topic, text in messages])
    assert set(rig.spool.queues) == {"s"}
