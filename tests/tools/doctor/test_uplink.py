"""The uplink test on simulated links, and against three endpoints that must store none of its records."""

import time

import pytest

from bridge.errors import Unavailable
from bridge.model import Destination
from bridge.spool.database.transaction import Transaction
from bridge.spool.ledger import LedgerRow
from bridge.tools.demo.local_kinesis import LocalKinesis
from bridge.tools.doctor.backlog import backlog_of_bridge, backlog_on_disk
from bridge.tools.doctor.uplink import IMPOSSIBLE_STREAM, SIZES, Backlog, examine_uplink, measure_uplink
from tests.fakes.kinesis import KinesisStandIn
from tests.kinesis.conftest import publisher_for
from tests.monitoring.test_link_log import THIN
from tests.spool.builders import opened
from tests.web.bridges import snapshot

TELEMETRY = Destination("telemetry")


class Link:
    """Simulated link: bytes per second, and a round trip."""

    def __init__(self, bytes_per_sec, round_trip_secs):
        self.now = 0.0
        self.sent = []
        self._rate, self._round_trip_secs = bytes_per_sec, round_trip_secs

    def ask(self, size):
        self.sent.append(size)
        self.now += size / self._rate + self._round_trip_secs


def measured(link):
    return measure_uplink(link.ask, lambda: link.now)


@pytest.mark.parametrize("round_trip_secs", [0.01, 0.4])
@pytest.mark.parametrize("bytes_per_sec", [2_000, 8_000, 64_000, 1_250_000])
def test_bandwidth_and_latency_of_a_link_are_reported_apart(bytes_per_sec, round_trip_secs):
    found = measured(Link(bytes_per_sec, round_trip_secs))
    if bytes_per_sec == 2_000:  # one small request takes two seconds: its latency cannot be distinguished
        assert found.bytes_per_sec == pytest.approx(SIZES[0] / (2 + round_trip_secs))
    else:
        assert found.bytes_per_sec == pytest.approx(bytes_per_sec)
        assert found.response_secs == pytest.approx(round_trip_secs)
    assert not found.at_least


def test_thin_link_is_measured_with_few_bytes():
    link = Link(8_000, 0.1)
    measured(link)
    assert link.sent == [4_000, 4_000, 16_000]


def test_link_that_is_faster_than_the_requests_show_is_at_least_so_fast():
    found = measured(Link(1e9, 0.001))
    assert (found.at_least, found.bytes_per_sec > 100e6) == (True, True)


def found(publisher, backlog=None, clock=time.monotonic):
    [finding] = examine_uplink(publisher, TELEMETRY, "us-east-1", lambda: backlog, clock)
    publisher.close()
    return finding


def test_uplink_to_the_stand_in_is_measured_and_nothing_is_stored():
    with KinesisStandIn({"telemetry": 2}) as kinesis:
        finding = found(publisher_for(kinesis.url))
        assert (finding.check, finding.status) == ("aws.uplink", "ok")
        assert finding.facts["bytes_per_sec"] > 0
        assert kinesis.operations["PutRecords", IMPOSSIBLE_STREAM] >= 2
        assert kinesis.operations["PutRecords", "telemetry"] == 0
        assert not any(shard.stored for shard in kinesis.streams["telemetry"].shards)


def test_uplink_to_moto_is_measured():
    kinesis = LocalKinesis()
    try:
        assert found(publisher_for(kinesis.url)).status == "ok"
    finally:
        kinesis.stop()


def test_refused_permission_is_an_answer_too():
    with KinesisStandIn() as kinesis:
        kinesis.fault("error", code="AccessDeniedException", status=400, message="not authorized")
        assert found(publisher_for(kinesis.url)).status == "ok"


def test_endpoint_that_does_not_respond_is_a_warning():
    with KinesisStandIn() as kinesis:
        kinesis.fault("error", code="ServiceUnavailable", status=503)
        finding = found(publisher_for(kinesis.url))
    assert (finding.status, finding.message) == ("warning", "not measured: ServiceUnavailable: scripted")
    assert finding.advice


class ThinPublisher:
    """A publisher over a link of 10 kB/s."""

    def __init__(self):
        self.link = Link(10_000, 0.1)

    def put_records(self, stream, records):
        self.link.ask(len(records[0].data) * 4 // 3 + 1_200)
        raise Unavailable("ValidationException", "streamName")

    def close(self):
        """Close nothing: no connection is open."""


def test_finding_reports_how_long_the_backlog_takes():
    publisher = ThinPublisher()
    finding = found(
        publisher,
        clock=lambda: publisher.link.now,
        backlog=Backlog(30_000, 8_000_000, "the running bridge", ("link x: 9.1 kB/s measured",)),
    )
    assert finding.message == (
        "10 kB/s, response after 0.10 s, backlog of the running bridge (30,000 records) needs about 13.3 min"
    )
    assert finding.details == ("the running bridge measures: link x: 9.1 kB/s measured",)
    assert finding.facts["backlog_secs"] == pytest.approx(800, rel=0.01)


def test_backlog_of_the_running_bridge_is_what_it_reports():
    row = LedgerRow("press", "telemetry", 30, 0, 0, 0, 0, 30)
    told = snapshot(ledger=(row,), payload_bytes=20_000, endpoints=(THIN,))
    backlog = backlog_of_bridge(told.status_json())
    assert (backlog.records, backlog.size_bytes, backlog.source) == (30, 30 * 300 * 4 // 3, "the running bridge")
    assert backlog.links[0].startswith("link kinesis.eu-west-1.amazonaws.com: 31 kB/s measured")


def test_backlog_of_a_stopped_bridge_is_read_from_its_spool(tmp_path):
    spool = opened(tmp_path / "data")
    spool.queue("telemetry").append(spool.mapping_number("press"), "k", b"{}")
    spool.commit(Transaction())
    spool.close()
    backlog = backlog_on_disk([tmp_path / "data", tmp_path / "none"])
    assert (backlog.records, backlog.size_bytes > 0, backlog.source) == (1, True, "the spool")
