import pytest
from prometheus_client.parser import text_string_to_metric_families

from bridge.coverage import CoverageReport, MappingCoverage
from bridge.spool.ledger import LedgerRow
from bridge.web.metrics import METRICS, PREFIX, metrics_text
from tests.web.bridges import snapshot, stream


@pytest.fixture
def families(bridge):
    bridge.now = snapshot(
        ledger=(LedgerRow("press", "telemetry", 10, 5, 2, 1, 0, 2, 3, 4, 5),),
        streams=(stream(state="refused", oldest_secs=12.5), stream("archive")),
        coverage=CoverageReport(0, 1, (MappingCoverage("press", "t", 100, 1, 1, 61_000),), (), 0),
        failing_mappings=("oven",),
        credentials_expire_at=1.8e9,
    )
    return {family.name: family for family in text_string_to_metric_families(metrics_text(bridge).decode())}


def value(families, name, **labels):
    [sample] = [each for each in families[PREFIX + name].samples if each.labels == labels]
    return sample.value


def test_every_declared_metric_is_there_with_its_labels_and_no_other(families):
    declared = {PREFIX + metric.name.removesuffix("_total"): metric for metric in METRICS}
    assert families.keys() == declared.keys()
    for name, family in families.items():
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


def test_the_books_are_told_per_mapping_and_stream(families):
    place = {"mapping": "press", "stream": "telemetry"}
    counts = [
        value(families, f"records_{name}", **place)
        for name in ("received", "delivered", "spooled", "replayed", "evicted")
    ]
    assert counts == [10, 5, 2, 3, 5]


def test_states_are_told_one_by_one(families):
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


def test_credentials_that_never_end_have_no_time(bridge):
    families = {each.name: each for each in text_string_to_metric_families(metrics_text(bridge).decode())}
    assert families[PREFIX + "credentials_expire_timestamp_seconds"].samples == []
