"""List of all metrics. /metrics and docs/reference/metrics.md are generated from this list.

The number of time series is bounded: labels are mappings, streams, workers, states and codes, but never a topic, a
partition key or the content of a message. Names follow https://prometheus.io/docs/practices/naming/.
"""

from __future__ import annotations

import platform
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, get_args

from bridge import __version__
from bridge.delivery.stream_status import State
from bridge.model import DeadLetterCode
from bridge.monitoring.problem_kinds import PROBLEM_KINDS
from bridge.monitoring.problems import State as BridgeState
from bridge.monitoring.snapshot import WorkerState
from bridge.spool.database.database_file import SQLITE_VERSION
from bridge.spool.ledger import BREAKDOWN_COLUMNS, COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.monitoring.snapshot import Snapshot

    Samples = Callable[[Snapshot], Iterable[tuple[tuple[str, ...], Any]]]


class Metric(NamedTuple):
    """One metric.

    name      name without the prefix `mqtt_kinesis_`
    kind      "counter", "gauge" or "histogram"
    samples   function that returns (label values, value) pairs for a snapshot; a pair with the value None is omitted
    """

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str
    samples: Samples


# Each of these functions returns the `samples` of a metric. `value` is the name of a field, or a function that computes
# the value.


def _one(value: Callable[[Snapshot], Any]) -> Samples:
    return lambda snapshot: [((), value(snapshot))]


def _of_streams(value: Callable[[Any], Any] | str) -> Samples:
    return lambda snapshot: [((each.stream,), _value(each, value)) for each in snapshot.streams]


def _of_workers(value: Callable[[Any], Any] | str) -> Samples:
    return lambda snapshot: [((each.name,), _value(each, value)) for each in snapshot.workers]


def _of_mappings(value: Callable[[Any], Any] | str) -> Samples:
    return lambda snapshot: [((each.name,), _value(each, value)) for each in snapshot.coverage.mappings]


def _of_ledger(name: str) -> Samples:
    """Return the samples of one column of the ledger.

    In the ledger, a replay subtracts the dead letter from `received` and `dead_lettered`. But Prometheus treats a
    counter that decreases as a restart from 0. So these two metrics include the replayed dead letters.
    """
    replayed = name in {"received", "dead_lettered"}
    return lambda snapshot: [
        ((row.mapping, row.stream), getattr(row, name) + (row.replayed if replayed else 0)) for row in snapshot.ledger
    ]


def _of_flows(value: Callable[[Any], Any] | str) -> Samples:
    return lambda snapshot: [((each.stream,), _value(each, value)) for each in snapshot.flows]


def _of_endpoints(value: Callable[[Any], Any] | str) -> Samples:
    return lambda snapshot: [((each.endpoint,), _value(each, value)) for each in snapshot.endpoints]


def _value(each: Any, value: Callable[[Any], Any] | str) -> Any:
    return getattr(each, value) if isinstance(value, str) else value(each)


_LEDGER_HELP = {
    "received": "Records received; a replayed dead letter counts again",
    "delivered": "Records that Kinesis accepted",
    "filtered": "Records that the mapping filtered",
    "dead_lettered": "Records that became dead letters, including deleted and replayed ones",
    "dropped": "Records dropped by spool.when_full or spool.max_age_secs",
    "spooled": "Records buffered on disk",
    "replayed": "Dead letters that were replayed",
    "deleted": "Dead letters that were deleted",
    "evicted": "Dead letters evicted to make room for newer ones",
    "expired": "Part of dropped: records older than spool.max_age_secs",
    "damaged": "Part of dropped: records lost by a damaged disk",
}
# Every code of dead letters has a sample from the start. Prometheus does not see an increase if a time series begins
# with 1 instead of 0.
_CODES: Final = sorted(get_args(DeadLetterCode))
_STREAM_STATES: Final = get_args(State)
_WORKER_STATES: Final = get_args(WorkerState)
_BRIDGE_STATES: Final = get_args(BridgeState)


def _bridge_states(snapshot: Snapshot) -> Iterable[tuple[tuple[str, ...], Any]]:
    return [((state,), int(snapshot.state == state)) for state in _BRIDGE_STATES]


def _problems(snapshot: Snapshot) -> Iterable[tuple[tuple[str, ...], Any]]:
    """Return the number of active problems for each kind and severity.

    The value is 0 if there is no such problem, because an alert rule cannot compare an absent time series.
    """
    counts = Counter((each.code, each.severity) for each in snapshot.problems)
    return [
        ((kind.code, severity), counts[kind.code, severity]) for kind in PROBLEM_KINDS for severity in kind.severities
    ]


def _stream_states(snapshot: Snapshot) -> Iterable[tuple[tuple[str, ...], Any]]:
    return [((each.stream, state), int(each.state == state)) for each in snapshot.streams for state in _STREAM_STATES]


def _worker_states(snapshot: Snapshot) -> Iterable[tuple[tuple[str, ...], Any]]:
    return [((each.name, state), int(each.state == state)) for each in snapshot.workers for state in _WORKER_STATES]


def _workers_up(snapshot: Snapshot) -> Iterable[tuple[tuple[str, ...], Any]]:
    """Return 1 for each worker that runs or drains, and 0 for the others.

    A drained worker has no sample. It ended on purpose, and an alert on the value 0 must not fire.
    """
    up = ("running", "draining")
    return [((each.name,), int(each.state in up)) for each in snapshot.workers if each.state != "drained"]


def _info(snapshot: Snapshot) -> Iterable[tuple[tuple[str, ...], Any]]:
    build = (__version__, platform.python_version(), SQLITE_VERSION, f"{platform.system()}-{platform.machine()}")
    return [((*build, snapshot.settings_fingerprint, snapshot.mappings_fingerprint), 1)]


def _of_states(name: str) -> Samples:
    return lambda snapshot: [((each.mapping,), getattr(each, name)) for each in snapshot.mapping_states]


def _ledger(name: str) -> Metric:
    # `spooled` is the only column that may decrease, so it is a gauge.
    kind, suffix = ("gauge", "") if name == "spooled" else ("counter", "_total")
    return Metric(
        f"records_{name}{suffix}",
        kind,
        ("mapping", "stream"),
        f"{_LEDGER_HELP[name]}, from the ledger.",
        _of_ledger(name),
    )


METRICS: Final = (
    Metric("info", "gauge", ("version", "python", "sqlite", "platform", "config", "mappings"),
           "Always 1. The labels contain versions. `config` and `mappings` are fingerprints: bridges with the same fingerprint have the same options, or the "
           "same mapping files. A fingerprint contains no secrets.", _info),
    Metric("start_time_seconds", "gauge", (), "Time of the start of the bridge, in seconds since 1970.", _one(lambda s: s.started_at)),
    Metric("cpu_seconds_total", "counter", (), "CPU time of the bridge and its workers, in seconds.", _one(lambda s: s.cpu_secs)),
    Metric("resident_memory_bytes", "gauge", (), "Resident memory of the bridge and its workers, in bytes.", _one(lambda s: s.memory_bytes)),
    Metric("max_bytes_per_sec", "gauge", (), "Value of kinesis.max_bytes_per_sec; absent if there is no limit.", _one(lambda s: s.max_bytes_per_sec or None)),
    Metric("healthy", "gauge", (), "1 while all threads make progress, as /healthz reports.", _one(lambda s: int(not s.stalled))),
    Metric("state", "gauge", ("state",), "1 for the current state of the bridge, 0 for the others: ok, degraded (a warning) or failing (an error).", _bridge_states),
    Metric("ready", "gauge", (), "1 while the state is not failing, as /readyz reports with reasons.", _one(lambda s: int(s.state != "failing"))),
    Metric("problems", "gauge", ("code", "severity"), "Number of active problems; `status` and the page show their causes and what to do.", _problems),
    Metric("session_info", "gauge", ("broker", "protocol", "client_id"), "Always 1. The labels contain the configured address of the broker, the MQTT version and the client ID.",
           lambda s: [((s.broker, s.protocol, s.client_id), 1)]),
    Metric("connected", "gauge", (), "1 while connected to the broker.", _one(lambda s: int(s.connected))),
    Metric("subscribed", "gauge", (), "1 while subscribed to the topics of all mappings.", _one(lambda s: int(s.subscribed))),
    Metric("client_id_conflict", "gauge", (), "1 while the broker reports session takeovers by another client with the same client ID.",
           _one(lambda s: int(bool(s.client_id_conflict)))),
    Metric("session_unstable", "gauge", (), "1 while the broker ends the session again and again without a reason.", _one(lambda s: int(bool(s.session_unstable)))),
    Metric("lost_guarantees", "gauge", (), "Number of guarantees that the broker gives only in part, such as a lower QoS than requested.", _one(lambda s: len(s.lost_guarantees))),
    Metric("connections_total", "counter", (), "Connections to a broker since the start.", _one(lambda s: s.connections)),
    Metric("messages_total", "counter", (), "MQTT messages received since the start.", _one(lambda s: s.received_messages)),
    Metric("message_bytes_total", "counter", (), "Payload bytes of the received MQTT messages.", _one(lambda s: s.payload_bytes)),
    Metric("redelivered_total", "counter", (), "QoS 2 messages that the broker sent again; each message counts once in the other metrics.", _one(lambda s: s.redelivered)),
    Metric("unmatched_total", "counter", (), "Messages that no mapping matches.", _one(lambda s: s.unmatched)),
    Metric("unmatched_topics", "gauge", (), "Number of topics that no mapping matches, at most 1,000; `coverage` lists them.", _one(lambda s: len(s.coverage.topics))),
    *(_ledger(name) for name in (*COLUMNS, *BREAKDOWN_COLUMNS)),
    Metric("ledger_balanced", "gauge", (), "1 while the ledger is balanced.", _one(lambda s: int(s.balanced))),
    Metric("spool_bytes", "gauge", (), "Size of the spool's files.", _one(lambda s: s.spool_bytes)),
    Metric("spool_max_bytes", "gauge", (), "Value of spool.max_bytes.", _one(lambda s: s.spool_max_bytes)),
    Metric("spool_min_free_bytes", "gauge", (), "Value of spool.min_free_bytes.", _one(lambda s: s.spool_min_free_bytes)),
    Metric("disk_free_bytes", "gauge", (), "Free space on the spool's disk.", _one(lambda s: s.disk_free_bytes)),
    Metric("backpressure", "gauge", (), "1 while reading from the broker is paused, because no message can be spooled.", _one(lambda s: int(bool(s.blocked_reason)))),
    Metric("damaged_spools", "gauge", (), "Number of damaged spools that were set aside (folders damaged-*).", _one(lambda s: s.damaged_spools)),
    Metric("mapping_state_keys", "gauge", ("mapping",), "Number of keys in the state of a mapping (Sparkplug births, `changes`, `sample`).", _of_states("keys")),
    Metric("mapping_state_bytes", "gauge", ("mapping",), "Memory that the state of a mapping needs.", _of_states("bytes")),
    Metric("mapping_state_evicted_total", "counter", ("mapping",), "Keys evicted from the state of a mapping, because all states together reached their limit.",
           _of_states("evicted")),
    Metric("dead_letters", "gauge", (), "Number of stored dead letters.", _one(lambda s: s.dead_letter_count)),
    Metric("dead_letter_bytes", "gauge", (), "Size of the stored dead letters.", _one(lambda s: s.dead_letter_bytes)),
    Metric("dead_letter_max_bytes", "gauge", (), "Maximum size of the stored dead letters (spool.max_dead_letter_bytes); beyond it, the oldest ones are evicted.", _one(lambda s: s.dead_letter_max_bytes)),
    Metric("rejected_total", "counter", ("code",), "Dead letters created since the start, by code.",
           lambda s: [((code,), dead_letters) for code, dead_letters in (dict.fromkeys(_CODES, 0) | dict(s.dead_letters_by_code)).items()]),
    Metric("mappings", "gauge", (), "Number of active mappings.", _one(lambda s: len(s.coverage.mappings))),
    Metric("mapping_problem", "gauge", ("mapping",), "1 while a mapping file does not load; its last good version stays active.",
           lambda s: [((name,), 1) for name in s.failing_mappings]),
    Metric("mapping_messages_total", "counter", ("mapping",), "Messages that match a mapping's topic.", _of_mappings("messages")),
    Metric("mapping_last_message_timestamp_seconds", "gauge", ("mapping",), "Time of the last message that matches, in seconds since 1970; absent before the first message.",
           _of_mappings(lambda each: each.last_ms / 1000 if each.last_ms else None)),
    Metric("mapping_longest_pause_seconds", "gauge", ("mapping",), "Longest time between two messages that match, since the start.", _of_mappings(lambda each: each.longest_pause_ms / 1000)),
    Metric("mapping_silent_seconds", "gauge", ("mapping",), "Time since the last message of a silent mapping; 0 while the mapping receives messages as usual.", _of_mappings(lambda each: each.silent_ms / 1000)),
    Metric("reloads_total", "counter", (), "Number of times that mappings were reloaded.", _one(lambda s: s.reloads)),
    Metric("last_reload_timestamp_seconds", "gauge", (), "Time of the last reload, in seconds since 1970.", _one(lambda s: s.reloaded_at or None)),
    Metric("stream_state", "gauge", ("stream", "state"), "1 for the current state of a stream, 0 for the others: ok, retrying or refused.", _stream_states),
    Metric("stream_bad_seconds", "gauge", ("stream",), "Time for which the state of a stream has not been ok; 0 while it is ok.", _of_streams("bad_for_secs")),
    Metric("stream_stalled_seconds", "gauge", ("stream",), "Time since Kinesis last accepted a record, while records are buffered; otherwise 0.",
           _of_flows("stalled_secs")),
    Metric("stream_failed_in_a_row", "gauge", ("stream",), "Number of requests that failed since the last response with results.", _of_streams("failed_in_a_row")),
    Metric("stream_drain_seconds", "gauge", ("stream",), "Time to deliver the current backlog at the rate of the last minute; absent while it is unknown.",
           _of_flows("drain_secs")),
    Metric("stream_oldest_seconds", "gauge", ("stream",), "Age of the oldest buffered record.", _of_streams("oldest_secs")),
    Metric("stream_delivered_total", "counter", ("stream",), "Records that Kinesis accepted since the start.", _of_streams("delivered")),
    Metric("stream_throttled_total", "counter", ("stream",), "Records that Kinesis throttled.", _of_streams("throttled")),
    Metric("stream_retried_total", "counter", ("stream",), "Records sent again after a failure.", _of_streams("retried")),
    Metric("stream_resent_total", "counter", ("stream",), "Records sent again because they arrived on a wrong shard.", _of_streams("resent")),
    Metric("stream_rejected_total", "counter", ("stream",), "Records that Kinesis can never accept; they became dead letters.", _of_streams("rejected")),
    Metric("stream_duplicates_possible_total", "counter", ("stream",), "Records sent again although Kinesis may have stored them.", _of_streams("duplicates_possible")),
    Metric("stream_requests_total", "counter", ("stream",), "Number of PutRecords requests.", _of_streams("requests")),
    Metric("stream_failed_requests_total", "counter", ("stream",), "Requests that failed without results for their records.", _of_streams("failed_requests")),
    Metric("stream_requests_in_flight", "gauge", ("stream",), "Number of requests in flight.", _of_streams("in_flight_requests")),
    Metric("stream_records_in_flight", "gauge", ("stream",), "Number of records in flight.", _of_streams("in_flight_records")),
    Metric("stream_records_queued", "gauge", ("stream",), "Number of records in memory that are not in a request yet.", _of_streams("waiting")),
    Metric("stream_hot_key", "gauge", ("stream",), "1 while the records of one partition key reach the limit of a shard; `status` and the page show the key.",
           _of_streams(lambda each: int(bool(each.hot_key)))),
    Metric("stream_max_record_bytes", "gauge", ("stream",), "Maximum record size of the stream; absent until Kinesis has reported it.",
           _of_streams("max_record_bytes")),
    Metric("stream_last_response_timestamp_seconds", "gauge", ("stream",), "Time of the last response with results, in seconds since 1970; absent before the first response.",
           _of_streams(lambda each: each.answered_at or None)),
    Metric("stream_last_response_seconds", "gauge", ("stream",), "Latency of the request that got the last response with results.", _of_streams(lambda each: each.last_latency_ms / 1000 if each.answered_at else None)),
    Metric("stream_response_seconds", "histogram", ("stream",), "Latency of the requests that got a response with results.",
           lambda s: [((stream,), each) for stream, each in s.request_latency.items()]),
    Metric("endpoint_bandwidth_bytes_per_second", "gauge", ("endpoint",), "Bandwidth of the link to AWS, measured with the requests; absent before the first response.",
           _of_endpoints(lambda each: each.bandwidth or None)),
    Metric("endpoint_response_seconds", "gauge", ("endpoint",), "Shortest recent time from the last byte of a request to its response; absent while it is unknown.",
           _of_endpoints(lambda each: each.answer_secs or None)),
    Metric("endpoint_request_bytes", "gauge", ("endpoint",), "Current maximum size of a request, in bytes on the wire.", _of_endpoints("request_bytes")),
    Metric("endpoint_window_bytes", "gauge", ("endpoint",), "Current maximum number of bytes in flight.", _of_endpoints("window_bytes")),
    Metric("endpoint_bytes_in_flight", "gauge", ("endpoint",), "Number of bytes in flight.", _of_endpoints("bytes_in_flight")),
    Metric("endpoint_max_requests", "gauge", ("endpoint",), "Current maximum number of requests in flight.", _of_endpoints("max_requests")),
    Metric("endpoint_requests_in_flight", "gauge", ("endpoint",), "Number of requests in flight.", _of_endpoints("requests")),
    Metric("endpoint_sent_bytes_total", "counter", ("endpoint",), "Size of all requests that got a response, in bytes on the wire.", _of_endpoints("sent_bytes")),
    Metric("endpoint_timeouts_total", "counter", ("endpoint",), "Requests that timed out.", _of_endpoints("timeouts")),
    Metric("endpoint_outcome_unknown_total", "counter", ("endpoint",), "Requests that Kinesis may have stored although no valid response arrived.", _of_endpoints("outcome_unknown")),
    Metric("endpoint_limited_seconds", "gauge", ("endpoint",), "Time for which the link has limited delivery without interruption; 0 while it is not the limit.",
           _of_endpoints("limited_secs")),
    Metric("credentials_expire_timestamp_seconds", "gauge", (), "Time at which the current AWS credentials expire, in seconds since 1970; absent if they do not expire, or if the time is unknown.",
           _one(lambda s: s.credentials_expire_at)),
    Metric("receive_to_spool_seconds", "histogram", (), "Time from the arrival of a message to its commit on disk.", _one(lambda s: s.receive_to_spool)),
    Metric("spool_to_delivered_seconds", "histogram", (), "Time from the commit of a record on disk until Kinesis has accepted the record.", _one(lambda s: s.spool_to_delivered)),
    Metric("receive_to_delivered_seconds", "histogram", (),
           "Time from the arrival of a message until Kinesis has accepted its record, including outages and restarts (after a restart, precise to 5 s). "
           "MQTT does not report when a message was published, so the time begins with the arrival.", _one(lambda s: s.receive_to_delivered)),
    Metric("worker_up", "gauge", ("worker",), "1 while the process of a worker runs or drains its spool. Metrics without the label `worker` are sums over all workers.", _workers_up),
    Metric("worker_state", "gauge", ("worker", "state"), "1 for the current state of a worker, 0 for the others: " + ", ".join(_WORKER_STATES) + ".", _worker_states),
    Metric("worker_restarts_total", "counter", ("worker",), "Number of restarts of a worker.", _of_workers("restarts")),
    Metric("worker_up_seconds", "gauge", ("worker",), "Time since the start of the worker's process.", _of_workers("up_secs")),
    Metric("worker_connected", "gauge", ("worker",), "1 while a worker is connected to the broker.", _of_workers(lambda each: int(each.connected))),
    Metric("worker_messages_total", "counter", ("worker",), "MQTT messages that a worker received.", _of_workers("received_messages")),
    Metric("worker_records_delivered_total", "counter", ("worker",), "Records of a worker's spool that Kinesis accepted, from the ledger.", _of_workers("delivered")),
    Metric("worker_records_spooled", "gauge", ("worker",), "Number of records buffered in a worker's spool.", _of_workers("spooled")),
    Metric("worker_oldest_seconds", "gauge", ("worker",), "Age of the oldest record buffered in a worker's spool.", _of_workers("oldest_secs")),
    Metric("worker_dead_letters", "gauge", ("worker",), "Number of dead letters in a worker's spool.", _of_workers("dead_letter_count")),
)  # fmt: skip
"""All metrics, in the order of /metrics and of docs/reference/metrics.md."""
