"""Response of /metrics, in the text format of Prometheus. Each request takes one snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.histogram import LATENCY_SECS
from bridge.monitoring.metric_definitions import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.histogram import HistogramSnapshot
    from bridge.monitoring.running_bridge import RunningBridge
    from bridge.monitoring.snapshot import Snapshot

PREFIX: Final = "mqtt_kinesis_"
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_BOUNDS: Final = frozenset(LATENCY_SECS)


def metrics_text(bridge: RunningBridge) -> bytes:
    """Return all metrics in the text format of Prometheus."""
    from prometheus_client import ProcessCollector, generate_latest  # noqa: PLC0415 - needed only for a request

    ours = generate_latest(_Collector(bridge.snapshot()))
    # Add the Prometheus client's own metrics about this process, which the client reads from /proc. If there are
    # workers, this process is the supervisor.
    return bytes(ours + generate_latest(ProcessCollector(registry=None)))


class _Collector:
    """Collector of the Prometheus client that returns the metrics of one snapshot.

    The client's own metric objects are not used, because every part of the bridge would have to update them.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterable[Any]:
        """Yield one metric family for each metric."""
        from prometheus_client.core import (  # noqa: PLC0415 - as above
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
        )

        families = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily, "histogram": HistogramMetricFamily}
        for metric in METRICS:
            family = families[metric.kind](
                PREFIX + metric.name.removesuffix("_total"), metric.help, labels=metric.labels
            )
            for labels, value in metric.samples(self._snapshot):
                if metric.kind == "histogram":
                    family.add_metric(labels, _buckets(value), value.total)
                elif value is not None:
                    family.add_metric(labels, value)
            yield family


def _buckets(value: HistogramSnapshot) -> list[tuple[str, float]]:
    """Return only the buckets whose bounds are in LATENCY_SECS.

    The histogram has more buckets, but in Prometheus each bucket would be another time series.
    """
    counts = zip(value.bounds, value.cumulative, strict=False)
    exported = [(repr(bound), float(count)) for bound, count in counts if bound in _BOUNDS]
    return [*exported, ("+Inf", float(value.cumulative[-1]))]
