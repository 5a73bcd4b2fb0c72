"""Values of one snapshot that become points of curves.

A counter only increases, and its curve shows the increase per second (RATES). A level is a value at one time, and its
curve shows the value itself (LEVELS). The curves of latencies show percentiles (LATENCIES).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.histogram import difference, quantile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.histogram import HistogramSnapshot
    from bridge.monitoring.snapshot import Snapshot

# Name and unit of each curve.
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
# Name of each curve of latencies, and its quantile.
LATENCIES: Final = {"latency_p50": 0.5, "latency_p95": 0.95, "latency_p99": 0.99}
UNITS: Final[dict[str, str]] = {**RATES, **LEVELS, **dict.fromkeys(LATENCIES, "s")}
"""Unit of each curve. The rows of the file and of the CSV have the values in this order."""
# A disk may be full for only a part of a step. The curve of its free space must show this.
LOWEST: Final = frozenset({"disk_free"})
"""Levels for which a point is the lowest value in its step. For all other levels, a point is the highest value."""
_PERCENT: Final = 100.0


class CurveValues(NamedTuple):
    """Values of one snapshot. `counters` contains the counters of the curves, of each mapping and of each stream."""

    counters: dict[str, float]
    levels: dict[str, float]
    latency: HistogramSnapshot


def curve_values(snapshot: Snapshot) -> CurveValues:
    """Return the values of a snapshot that become points of curves."""
    counters = {
        # In the ledger, a replay subtracts dead letters from these two columns. `replayed` is added, because a counter
        # that decreases would have a negative rate.
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
    # While the bandwidth is not measured, its curve has a gap. Without a limit, the curve of the limit is empty.
    bandwidth = sum(each.bandwidth for each in snapshot.endpoints)
    if bandwidth:
        levels["bandwidth"] = bandwidth
    if snapshot.max_bytes_per_sec:
        levels["max_bytes_per_sec"] = snapshot.max_bytes_per_sec
    return levels


def latencies(now: HistogramSnapshot, before: HistogramSnapshot) -> dict[str, float]:
    """Return the percentiles of the latencies between two snapshots, in seconds.

    The result is empty if no record was delivered between the snapshots.
    """
    between = difference(now, before)
    return {} if between is None else {name: quantile(between, share) for name, share in LATENCIES.items()}


def rates(now: Mapping[str, float], before: Mapping[str, float], secs: float) -> dict[str, float]:
    """Return the increase of each counter per second. For a counter that is new or has decreased, it is 0."""
    return {name: max(0.0, count - before.get(name, count)) / secs for name, count in now.items()}
