"""/metrics: one declared list, made from one snapshot each time it is asked for.

Labels are bounded: mappings, streams, codes and reasons; never a topic, a key, or anything that a message holds.
https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bridge import __version__
from bridge.spool.ledger import COLUMNS, MARKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.histogram import Histogrammed
    from bridge.status import Snapshot
    from bridge.web.observed import Observed

PREFIX: Final = "mqtt_kinesis_"
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Samples = "Iterable[tuple[tuple[str, ...], float | Histogrammed]]"


class Metric(NamedTuple):
    """`name` without the prefix; `kind` is counter, gauge or histogram; `samples` gives (label values, value)."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str
    samples: Callable[[Snapshot], Iterable[tuple[tuple[str, ...], Any]]]


def _one(value: Callable[[Snapshot], Any]) -> Callable[[Snapshot], Iterable[tuple[tuple[str, ...], Any]]]:
    return lambda snapshot: [((), value(snapshot))]


def _of_streams(name: str) -> Callable[[Snapshot], Iterable[tuple[tuple[str, ...], Any]]]:
    return lambda snapshot: [((stream.stream,), getattr(stream, name)) for stream in snapshot.streams]


def _of_workers(name: str) -> Callable[[Snapshot], Iterable[tuple[tuple[str, ...], Any]]]:
    return lambda snapshot: [((worker.name,), getattr(worker, name)) for worker in snapshot.workers]


def _of_books(name: str) -> Callable[[Snapshot], Iterable[tuple[tuple[str, ...], Any]]]:
    return lambda snapshot: [((row.mapping, row.stream), getattr(row, name)) for row in snapshot.ledger]


_BOOKS_HELP = {
    "received": "Records received",
    "delivered": "Records that Kinesis has taken",
    "filtered": "Records that a rule left out",
    "dead_lettered": "Records in the dead letters, or deleted from them",
    "dropped": "Records dropped by spool.when_full or spool.max_age_secs",
    "spooled": "Records that wait on disk",
    "replayed": "Dead letters that were replayed",
    "deleted": "Dead letters that were deleted",
    "evicted": "Dead letters that gave way to newer ones",
    "expired": "Of those dropped, records past spool.max_age_secs",
    "damaged": "Of those dropped, records lost by a damaged disk",
}
_STREAM_STATES: Final = ("ok", "retrying", "refused")


def _states(snapshot: Snapshot) -> Iterable[tuple[tuple[str, ...], Any]]:
    return [
        ((stream.stream, state), int(stream.state == state)) for stream in snapshot.streams for state in _STREAM_STATES
    ]


def _books(name: str) -> Metric:
    kind, suffix = ("gauge", "") if name == "spooled" else ("counter", "_total")
    return Metric(
        f"records_{name}{suffix}", kind, ("mapping", "stream"), f"{_BOOKS_HELP[name]}, by the books.", _of_books(name)
    )


METRICS: Final = (
    Metric("info", "gauge", ("version",), "1, with the version of this program.", lambda _: [((__version__,), 1)]),
    Metric("connected", "gauge", (), "1 while connected to the broker.", _one(lambda s: int(s.connected))),
    Metric("subscribed", "gauge", (), "1 while subscribed to all that the mappings want.", _one(lambda s: int(s.subscribed))),
    Metric("connections_total", "counter", (), "Connections to a broker since the start.", _one(lambda s: s.connections)),
    Metric("messages_total", "counter", (), "MQTT messages received since the start.", _one(lambda s: s.received_messages)),
    Metric("message_bytes_total", "counter", (), "Bytes of their payloads.", _one(lambda s: s.payload_bytes)),
    Metric("redelivered_total", "counter", (), "QoS 2 messages that were there already.", _one(lambda s: s.redelivered)),
    Metric("unmatched_total", "counter", (), "Messages that no mapping matches.", _one(lambda s: s.unmatched)),
    *(_books(name) for name in (*COLUMNS, *MARKS)),
    Metric("books_balanced", "gauge", (), "1 while the books balance.", _one(lambda s: int(s.balanced))),
    Metric("spool_bytes", "gauge", (), "Bytes of the spool's files.", _one(lambda s: s.spool_bytes)),
    Metric("spool_max_bytes", "gauge", (), "spool.max_bytes.", _one(lambda s: s.spool_max_bytes)),
    Metric("disk_free_bytes", "gauge", (), "Free bytes of the spool's disk.", _one(lambda s: s.disk_free_bytes)),
    Metric("blocked", "gauge", (), "1 while nothing can be spooled, and so nothing is read.", _one(lambda s: int(bool(s.blocked)))),
    Metric("damaged_spools", "gauge", (), "Damaged spools that were set aside.", _one(lambda s: s.damaged_spools)),
    Metric("dead_letters", "gauge", (), "Dead letters that are kept.", _one(lambda s: s.dead_letter_count)),
    Metric("mapping_problem", "gauge", ("mapping",), "1 while a mapping's file does not load; its last good version is in force.",
           lambda s: [((name,), 1) for name in s.failing_mappings]),
    Metric("mapping_messages_total", "counter", ("mapping",), "Messages that match a mapping's topic.",
           lambda s: [((each.name,), each.messages) for each in s.coverage.mappings]),
    Metric("mapping_silent_seconds", "gauge", ("mapping",), "For how long a mapping has gone silent; 0 while it has not.",
           lambda s: [((each.name,), each.silent_ms / 1000) for each in s.coverage.mappings]),
    Metric("reloads_total", "counter", (), "Times that mappings were put in force.", _one(lambda s: s.reloads)),
    Metric("stream_state", "gauge", ("stream", "state"), "1 for the state that a stream is in.", _states),
    Metric("stream_oldest_seconds", "gauge", ("stream",), "Age of the oldest record that waits.", _of_streams("oldest_secs")),
    Metric("stream_delivered_total", "counter", ("stream",), "Records that Kinesis has taken since the start.", _of_streams("delivered")),
    Metric("stream_throttled_total", "counter", ("stream",), "Refusals for lack of throughput.", _of_streams("throttled")),
    Metric("stream_retried_total", "counter", ("stream",), "Records sent once more.", _of_streams("retried")),
    Metric("stream_resent_total", "counter", ("stream",), "Records sent again since they came to a wrong shard.", _of_streams("resent")),
    Metric("stream_rejected_total", "counter", ("stream",), "Records that Kinesis can never take.", _of_streams("rejected")),
    Metric("stream_duplicates_possible_total", "counter", ("stream",), "Records sent again although they may have been stored.",
           _of_streams("duplicates_possible")),
    Metric("stream_requests_total", "counter", ("stream",), "PutRecords requests.", _of_streams("requests")),
    Metric("stream_failed_requests_total", "counter", ("stream",), "Requests that failed as a whole.", _of_streams("failed_requests")),
    Metric("stream_requests_in_flight", "gauge", ("stream",), "Requests under way.", _of_streams("in_flight_requests")),
    Metric("credentials_expire_timestamp_seconds", "gauge", (), "When the AWS credentials in use end; absent if never, or not told.",
           lambda s: [] if s.credentials_expire_at is None else [((), s.credentials_expire_at)]),
    Metric("receive_to_spool_seconds", "histogram", (), "From a message's arrival to its commit on disk.", _one(lambda s: s.receive_to_spool)),
    Metric("spool_to_delivered_seconds", "histogram", (), "From a record's commit on disk until Kinesis has taken it.",
           _one(lambda s: s.spool_to_delivered)),
    Metric("worker_up", "gauge", ("worker",), "1 while a worker's process is at work, or drains; all others here are sums over the workers.",
           lambda s: [((each.name,), int(each.state in ("running", "draining"))) for each in s.workers if each.state != "drained"]),
    Metric("worker_restarts_total", "counter", ("worker",), "Times that a worker had ended, and was started again.", _of_workers("restarts")),
    Metric("worker_connected", "gauge", ("worker",), "1 while a worker is connected to the broker.",
           lambda s: [((each.name,), int(each.connected)) for each in s.workers]),
    Metric("worker_messages_total", "counter", ("worker",), "MQTT messages that a worker received.", _of_workers("received_messages")),
    Metric("worker_records_spooled", "gauge", ("worker",), "Records that wait in a worker's spool.", _of_workers("spooled")),
    Metric("worker_oldest_seconds", "gauge", ("worker",), "Age of the oldest record that waits in a worker's spool.", _of_workers("oldest_secs")),
)  # fmt: skip
"""All there are. The table in the README is made from it."""


def metrics_text(bridge: Observed) -> bytes:
    """In the text format of Prometheus."""
    from prometheus_client import generate_latest  # noqa: PLC0415 - only who is asked for metrics needs it

    snapshot = bridge.snapshot()
    return bytes(generate_latest(_Collector(snapshot)))


class _Collector:
    """In the place of a registry: the families of one moment."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterable[Any]:
        """One family for each metric."""
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
                else:
                    family.add_metric(labels, value)
            yield family


def _buckets(value: Histogrammed) -> list[tuple[str, float]]:
    bounds = [*(repr(bound) for bound in value.bounds), "+Inf"]
    return [(bound, float(count)) for bound, count in zip(bounds, value.cumulative, strict=True)]
