"""Values of one snapshot that become curves: counters (whose growth per second is a rate) and levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.histogram import difference, quantile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.histogram import HistogramSnapshot
    from bridge.monitoring.snapshot import Snapshot

RATES: Final = {
    "received": "records/s",
    "delivered": "records/s",
    "filtered": "records/s",
    "dead_lettered": "records/s",
    "throttled": "records/s",
    "retried": "records/s",
    "sent_bytes": "bytes/s",
    "cpu": "% of one core",
}
LEVELS: Final = {
    "backlog": "records",
    "oldest": "s",
    "bandwidth": "bytes/s",
    "max_bytes_per_sec": "bytes/s",
    "memory": "bytes",
    "spool": "bytes",
    "disk_free": "bytes",
}
LATENCIES: Final = {"latency_p50": 0.5, "latency_p95": 0.95, "latency_p99": 0.99}
UNITS: Final[dict[str, str]] = {**RATES, **LEVELS, **dict.fromkeys(LATENCIES, "s")}
"""Unit of each curve, in the order of the columns of the file and of the CSV."""
# The lowest free space in a step shows how full the disk was.
LOWEST: Final = frozenset({"disk_free"})
"""Levels for which the lowest value of a step is stored. For all others the highest one is stored."""
_PERCENT: Final = 100.0


class CurveValues(NamedTuple):
    """Values of one snapshot. `counters` contains those of the curves, and of each mapping and stream."""

    counters: dict[str, float]
    levels: dict[str, float]
    latency: HistogramSnapshot


def curve_values(snapshot: Snapshot) -> CurveValues:
    """Return the values of a snapshot."""
    counters = {
        # A replay subtracts dead letters from both counts. They are added here again, so that a replay does not cause a
        # negative rate.
        "received": snapshot.total("received") + snapshot.total("replayed"),
        "dead_lettered": snapshot.total("dead_lettered") + snapshot.total("replayed"),
        "filtered": snapshot.total("filtered"),
        "delivered": sum(each.delivered for each in snapshot.streams),
        "throttled": sum(each.throttled for each in snapshot.streams),
        "retried": sum(each.retried for each in snapshot.streams),
        "sent_bytes": sum(each.sent_bytes for each in snapshot.endpoints),
        "cpu": snapshot.cpu_secs * _PERCENT,
        "messages": snapshot.received_messages,
        "mapped": sum(row.received - row.filtered - row.dead_lettered for row in snapshot.ledger),
    }
    for row in snapshot.ledger:
        counters[f"mapping {row.mapping}"] = counters.get(f"mapping {row.mapping}", 0) + row.received
    counters |= {f"stream {each.stream}": each.delivered for each in snapshot.streams}
    return CurveValues(counters, _levels(snapshot), snapshot.receive_to_delivered)


def _levels(snapshot: Snapshot) -> dict[str, float]:
    levels = {
        "backlog": snapshot.total("spooled"),
        "oldest": max((each.oldest_secs for each in snapshot.streams), default=0.0),
        "memory": snapshot.memory_bytes,
        "spool": snapshot.spool_bytes,
        "disk_free": snapshot.disk_free_bytes,
    }
    # A link without a measurement and a bandwidth without a limit have no value, so the curve has a gap.
    bandwidth = sum(each.bandwidth for each in snapshot.endpoints)
    if bandwidth:
        levels["bandwidth"] = bandwidth
    if snapshot.max_bytes_per_sec:
        levels["max_bytes_per_sec"] = snapshot.max_bytes_per_sec
    return levels


def latencies(now: HistogramSnapshot, before: HistogramSnapshot) -> dict[str, float]:
    """Return the percentiles of the latencies between two snapshots, in seconds; empty if there was no delivery."""
    between = difference(now, before)
    return {} if between is None else {name: quantile(between, share) for name, share in LATENCIES.items()}


def rates(now: Mapping[str, float], before: Mapping[str, float], secs: float) -> dict[str, float]:
    """Return the growth of each counter per second. For a counter that decreased or is new, it is 0."""
    return {name: max(0.0, count - before.get(name, count)) / secs for name, count in now.items()}
