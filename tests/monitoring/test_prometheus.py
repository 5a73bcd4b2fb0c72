import re
from dataclasses import fields, replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bridge.delivery.stream_status import StreamStatus
from bridge.errors import Rejected
from bridge.histogram import FINE_SECS, LATENCY_SECS, Histogram
from bridge.ingest.topic_coverage import CoverageReport, MappingActivity
from bridge.monitoring.metric_definitions import METRICS
from bridge.monitoring.prometheus import PREFIX, metrics_text
from bridge.monitoring.snapshot import DeadLettersByCode, Snapshot, WorkerStatus
from bridge.spool.ledger import LedgerRow
from tests.web.bridges import snapshot, stream

WORKER = WorkerStatus(
    2, "worker 2", "b-2", "/data/worker-2", "restarting", "it crashed", 7, 12.5, 3, "it crashed", False, 9, 8, 1, 4.0, 6
)
NEVER_SHOWN = {"/data/worker-2", "it crashed", "press07"}


@pytest.fixture
def families(bridge):
    bridge.now = snapshot(
        ledger=(LedgerRow("press", "telemetry", 10, 5, 2, 1, 0, 2, 3, 4, 5),),
        streams=(
            stream(state="refused", oldest_secs=12.5, bad_for_secs=30, hot_key="press07", max_record_bytes=2**20),
            stream("archive", answered_at=1.7e9, last_latency_ms=250, max_record_bytes=None),
        ),
        coverage=CoverageReport(0, 1, (MappingActivity("press", "t", 100, 1_700_000_000_500, 4_000, 61_000),), (), 0),
        dead_letters_by_code=(DeadLettersByCode("decode", 4),),
        workers=(
            WORKER,
            replace(WORKER, name="worker 1", state="running"),
            replace(WORKER, name="bridge", state="drained"),
        ),
        settings_fingerprint="0123456789ab",
        mappings_fingerprint="ba9876543210",
        started_at=1.6e9,
        reloaded_at=1.65e9,
        client_id="press-shop",
        failing_mappings=("oven",),
        credentials_expire_at=1.8e9,
    )
    return {family.name: family for family in text_string_to_metric_families(metrics_text(bridge).decode())}


def value(families, name, **labels):
    [sample] = [each for each in families[PREFIX + name].samples if each.labels == labels]
    return sample.value


def test_exposition_has_exactly_the_declared_metrics_and_labels(families):
    declared = {PREFIX + metric.name.removesuffix("_total"): metric for metric in METRICS}
    ours = {name: family for name, family in families.items() if not name.startswith("process_")}
    assert ours.keys() == declared.keys()
    for name, family in ours.items():
        metric = declared[name]
        assert family.type == metric.kind
        assert family.documentation == metric.help
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels), name


def test_names_follow_the_conventions():
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    for metric in METRICS:
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name
        assert not {"topic", "key", "client"} & set(metric.labels)
        assert metric.help.endswith(".")


def test_ledger_has_samples_per_mapping_and_stream(families):
    place = {"mapping": "press", "stream": "telemetry"}
    counts = [
        value(families, f"records_{name}", **place)
        for name in ("received", "delivered", "spooled", "replayed", "evicted")
    ]
    assert counts == [10 + 3, 5, 2, 3, 5]


def test_build_and_start_time_are_reported(families):
    [info] = families[PREFIX + "info"].samples
    assert (info.labels["config"], info.labels["mappings"]) == ("0123456789ab", "ba9876543210")
    assert all(re.fullmatch(r"[\d.]+\w*", info.labels[name]) for name in ("version", "python", "sqlite"))
    assert value(families, "start_time_seconds") == 1.6e9
    assert value(families, "session_info", broker="mqtt://127.0.0.1:1883", protocol="5", client_id="press-shop") == 1


def test_health_and_readiness_metrics_agree_with_the_checks(families, bridge):
    assert (value(families, "healthy"), value(families, "ready")) == (1, 0)
    assert value(families, "problems", code="stream-refused", severity="error") == 1
    assert value(families, "problems", code="stream-stalled", severity="error") == 0
    states = {each.labels["state"]: each.value for each in families[PREFIX + "state"].samples}
    assert states == {"ok": 0, "degraded": 0, "failing": 1}
    bridge.now, bridge.hanging = snapshot(), ["the ingest thread has made no progress for 31 s"]
    assert metric_value(bridge, "healthy") == metric_value(bridge, "ready") == 0
    bridge.hanging = []
    assert metric_value(bridge, "healthy") == metric_value(bridge, "ready") == 1


def metric_value(bridge, name):
    lines = metrics_text(bridge).decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{PREFIX}{name} "))


def test_stream_has_time_of_last_response_and_hot_key(families):
    assert value(families, "stream_last_response_timestamp_seconds", stream="archive") == 1.7e9
    assert value(families, "stream_last_response_seconds", stream="archive") == 0.25
    assert [each.labels["stream"] for each in families[PREFIX + "stream_last_response_seconds"].samples] == ["archive"]
    assert [value(families, "stream_hot_key", stream=name) for name in ("telemetry", "archive")] == [1, 0]
    assert [each.value for each in families[PREFIX + "stream_max_record_bytes"].samples] == [2**20]


def test_mapping_has_the_time_of_its_last_message(families):
    assert value(families, "mapping_last_message_timestamp_seconds", mapping="press") == 1_700_000_000.5


def test_mapping_without_a_message_reports_no_time(bridge):
    bridge.now = snapshot(coverage=CoverageReport(0, 1, (MappingActivity("press", "t", 0, 0, 0, 0),), (), 0))
    families = {each.name: each for each in text_string_to_metric_families(metrics_text(bridge).decode())}
    assert families[PREFIX + "mapping_last_message_timestamp_seconds"].samples == []


def test_workers_have_their_own_samples(families):
    up = {each.labels["worker"]: each.value for each in families[PREFIX + "worker_up"].samples}
    assert up == {"worker 1": 1, "worker 2": 0}, "one that has drained is not down"
    assert value(families, "worker_state", worker="worker 2", state="restarting") == 1
    assert [value(families, name, worker="worker 2") for name in ("worker_up_seconds", "worker_dead_letters")] == [
        12.5,
        6,
    ]


def test_rejections_are_reported_by_their_reason(families):
    assert value(families, "rejected", code="decode") == 4


def test_dead_letter_series_of_each_code_begins_at_zero(families):
    codes = {each.labels["code"] for each in families[PREFIX + "rejected"].samples}
    assert {each.code for each in Rejected.__subclasses__()} | {"internal", "invalid", "poison", "topic"} == codes
    assert value(families, "rejected", code="topic") == 0


def test_process_metrics_are_those_of_the_client_library(families):
    assert families["process_resident_memory_bytes"].samples[0].value > 2**20


def test_labels_contain_nothing_of_a_message(families):
    shown = {label for family in families.values() for each in family.samples for label in each.labels.values()}
    assert not NEVER_SHOWN & shown


def test_mapping_states_have_their_own_samples(families):
    assert value(families, "stream_state", stream="telemetry", state="refused") == 1
    assert value(families, "stream_state", stream="telemetry", state="ok") == 0
    assert value(families, "stream_oldest_seconds", stream="telemetry") == 12.5
    assert value(families, "mapping_problem", mapping="oven") == 1
    assert value(families, "mapping_silent_seconds", mapping="press") == 61


def test_latencies_are_histograms(families):
    samples = {
        (each.name, each.labels.get("le")): each.value for each in families[PREFIX + "receive_to_spool_seconds"].samples
    }
    name = PREFIX + "receive_to_spool_seconds"
    assert samples[f"{name}_bucket", "0.005"] == 90
    assert samples[f"{name}_bucket", "+Inf"] == samples[f"{name}_count", None] == 100
    assert samples[f"{name}_sum", None] == pytest.approx(0.004 * 90 + 0.2 * 10)


def test_fine_histogram_is_exported_with_the_usual_buckets(bridge):
    latencies = Histogram(FINE_SECS)
    latencies.observe(111.0, 7)
    bridge.now = snapshot(receive_to_delivered=latencies.value())
    families = {each.name: each for each in text_string_to_metric_families(metrics_text(bridge).decode())}
    name = PREFIX + "receive_to_delivered_seconds"
    counts = {each.labels["le"]: each.value for each in families[name].samples if each.name == f"{name}_bucket"}
    assert len(counts) == len(LATENCY_SECS) + 1
    assert (counts["60.0"], counts["120.0"], counts["+Inf"]) == (0, 7, 7)


def test_credentials_that_never_end_have_no_time(bridge):
    families = {each.name: each for each in text_string_to_metric_families(metrics_text(bridge).decode())}
    assert families[PREFIX + "credentials_expire_timestamp_seconds"].samples == []


COVERED_BY = {
    "broker": "session_info", "protocol": "session_info", "client_id": "session_info",
    "connections": "connections", "received_messages": "messages", "payload_bytes": "message_bytes",
    "redelivered": "redelivered", "unmatched": "unmatched", "ledger": "records_received", "streams": "stream_state",
    "dead_letter_count": "dead_letters", "dead_letters_by_code": "rejected", "coverage": "mapping_messages",
    "poison_dead_letters": "problems",
    "failing_mappings": "mapping_problem", "reloads": "reloads", "reloaded_at": "last_reload_timestamp_seconds",
    "mappings_fingerprint": "info", "settings_fingerprint": "info", "started_at": "start_time_seconds",
    "stalled": "healthy", "endpoints": "endpoint_requests_in_flight", "flows": "stream_drain_seconds",
    "session_problem": "problems", "session_attempts": "problems", "mapping_errors": "mapping_problem",
    "spool_full": "problems", "unsendable": "problems", "page_problem": "problems", "draining": "worker_state",
    "credentials_expire_at": "credentials_expire_timestamp_seconds", "receive_to_spool": "receive_to_spool_seconds",
    "spool_to_delivered": "spool_to_delivered_seconds", "receive_to_delivered": "receive_to_delivered_seconds",
    "request_latency": "stream_response_seconds", "blocked_reason": "backpressure",
    "mapping_states": "mapping_state_keys", "workers": "worker_up", "dead_letters": None,
    "cpu_secs": "cpu_seconds", "memory_bytes": "resident_memory_bytes",
}  # fmt: skip
"""Name of the metric for each field of a snapshot with another name. None: the field has no metric."""


@pytest.mark.parametrize("name", [each.name for each in fields(Snapshot)])
def test_metrics_cover_each_field_of_a_snapshot(name):
    names = {metric.name.removesuffix("_total") for metric in METRICS}
    metric = COVERED_BY.get(name, name)
    assert metric is None or metric in names


_OF_A_STREAM = {
    "bad_for_secs": "bad_seconds", "in_flight_requests": "requests_in_flight", "in_flight_records": "records_in_flight",
    "waiting": "records_queued", "last_latency_ms": "last_response_seconds", "oldest_secs": "oldest_seconds",
    "answered_at": "last_response_timestamp_seconds", "stalled_secs": "stalled_seconds",
}  # fmt: skip
_IN_WORDS = {"stream", "code", "detail", "hint", "endpoint"}


def test_metrics_cover_each_field_of_a_stream():
    names = {metric.name.removesuffix("_total") for metric in METRICS}
    counted = StreamStatus.__dataclass_fields__.keys() - _IN_WORDS
    assert {f"stream_{_OF_A_STREAM.get(name, name)}" for name in counted} <= names


_OF_A_WORKER_IN_WORDS = {"number", "name", "client_id", "folder", "detail", "pid", "last_end"}
_OF_A_WORKER = {
    "up_secs": "up_seconds", "received_messages": "messages", "delivered": "records_delivered",
    "spooled": "records_spooled", "oldest_secs": "oldest_seconds", "dead_letter_count": "dead_letters",
}  # fmt: skip


def test_metrics_cover_each_field_of_a_worker():
    names = {metric.name.removesuffix("_total") for metric in METRICS}
    counted = WorkerStatus.__dataclass_fields__.keys() - _OF_A_WORKER_IN_WORDS
    assert {f"worker_{_OF_A_WORKER.get(name, name)}" for name in counted} <= names


def test_counters_of_the_ledger_do_not_fall_on_a_replay():
    before = LedgerRow("press", "s", received=7, delivered=2, filtered=0, dead_lettered=5, dropped=0, spooled=0)
    # One dead letter was replayed, and the record was delivered.
    after = before._replace(delivered=3, dead_lettered=4, replayed=1)
    counters = [metric for metric in METRICS if metric.kind == "counter" and metric.name.startswith("records_")]
    assert len(counters) > 5
    for metric in counters:
        ((_, old),), ((_, new),) = (metric.samples(snapshot(ledger=(row,))) for row in (before, after))
        assert new >= old, metric.name
    shown = {metric.name: metric.samples(snapshot(ledger=(after,)))[0][1] for metric in counters}
    assert shown["records_received_total"] == shown["records_delivered_total"] + shown["records_dead_lettered_total"]
