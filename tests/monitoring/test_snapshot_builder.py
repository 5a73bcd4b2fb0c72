"""Builder of snapshots, with a real spool and stand-ins for the other parts."""

from types import SimpleNamespace

import pytest

from bridge.errors import BridgeError
from bridge.histogram import Histogram
from bridge.ingest.topic_coverage import TopicCoverage
from bridge.mapping.loading.live_mappings import LiveMappings
from bridge.monitoring.snapshot_builder import SnapshotBuilder
from bridge.spool.database.transaction import Transaction
from tests.cli.builders import set_up
from tests.spool.builders import dead_letter, opened, put
from tests.web.bridges import stream

LOST = SimpleNamespace(code="qos-lowered", cause="QoS 0")


class Sender:
    stream = "telemetry"

    def status(self):
        return stream(delivered=7)

    def latency_histogram(self):
        return Histogram().value()


@pytest.fixture
def spool(tmp_path):
    made = opened(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def build(tmp_path, spool):
    """build(publisher=…, **session): the builder of a bridge whose session has these values."""
    set_up(tmp_path)
    mappings = LiveMappings(tmp_path / "mappings", tmp_path / "in-force")
    mappings.reload()

    def make(publisher=None, problem="", **session):
        state = {"broker": "mqtt://b", "protocol": "5", "connected": True, "subscribed": True, "connections": 3}
        state |= {"conflict": "", "unstable": "", "lost_guarantees": (), "problem": "", "attempts": 0}
        counts = SimpleNamespace(messages=10, payload_bytes=200, redelivered=1, unmatched=2)
        ingest = SimpleNamespace(
            counts=counts, problem=problem, spool_full=bool(problem), latency=Histogram(), coverage=TopicCoverage(0)
        )
        subscriber = SimpleNamespace(state=lambda: SimpleNamespace(**(state | session)))
        return SnapshotBuilder("bridge-1", subscriber, ingest, spool, mappings, publisher)

    return make


def codes(snapshot):
    return [each.code for each in snapshot.problems]


def test_snapshot_has_the_values_of_each_part(build, spool):
    put(spool, b"1", b"2", stream="telemetry")
    found = build(lost_guarantees=(LOST,)).snapshot([Sender()])
    assert (found.client_id, found.broker, found.connections, found.received_messages) == (
        "bridge-1",
        "mqtt://b",
        3,
        10,
    )
    assert (found.total("spooled"), found.streams[0].delivered) == (2, 7)
    assert (found.lost_guarantees, codes(found)) == ((("qos-lowered", "QoS 0"),), ["qos-lowered"])
    assert [each.name for each in found.coverage.mappings] == ["press"]
    assert min(found.spool_bytes, found.disk_free_bytes, found.memory_bytes, found.spool_max_bytes) > 0


def test_builder_of_a_stopped_bridge_finds_no_problem(build):
    builder = build(connected=False, subscribed=False)
    assert codes(builder.snapshot([])) == ["not-connected"]
    assert builder.snapshot([], stopped=True).problems == ()


def test_snapshot_has_the_values_that_the_caller_knows(build):
    found = build().snapshot([], stalled=["it hangs"], unsendable={"s": "newer"}, page_problem="in use")
    assert (found.stalled, found.unsendable, found.page_problem) == (("it hangs",), (("s", "newer"),), "in use")
    assert codes(found) == ["stream-format-unknown", "thread-stalled", "page-not-served"]


@pytest.mark.parametrize(
    ("publisher", "expires"), [(object(), None), (SimpleNamespace(credentials_expire_at=5.0), 5.0)]
)
def test_snapshot_has_the_expiry_of_credentials_if_it_is_known(build, publisher, expires):
    assert build(publisher).snapshot([]).credentials_expire_at == expires


def test_snapshot_has_a_poison_problem_until_the_dead_letter_is_deleted(build, spool):
    poison = dead_letter(code="poison")
    spool.commit(Transaction(dead_letters=[poison, dead_letter()]))
    builder = build()
    assert codes(builder.snapshot([])) == ["poison-messages"]
    spool.commit(Transaction(removed={1: poison}))
    after = builder.snapshot([])
    assert codes(after) == []
    assert dict(after.dead_letters_by_code) == {"decode": 1, "poison": 1}


def test_snapshot_of_a_damaged_spool_raises_an_error(build, spool):
    spool.commit(Transaction(dead_letters=[dead_letter()]))
    spool._database.execute("update dead_letters set topic = 'x'")
    with pytest.raises(BridgeError):
        build().snapshot([])
