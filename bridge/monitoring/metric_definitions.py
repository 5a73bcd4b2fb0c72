"""The metrics: one declared list, from which /metrics and docs/reference/metrics.md are made.

Labels are bounded: mappings, streams, workers, states and codes; never a topic, a key, or anything that a message holds.
https://prometheus.io/docs/practices/naming/
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
from bridge.spool.database.schema import SQLITE_VERSION
from bridge.spool.ledger import BREAKDOWN_COLUMNS, COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.monitoring.snapshot import Snapshot

    Samples = Callable[[Snapshot], Iterable[tuple[tuple[str, ...], Any]]]


class Metric(NamedTuple):
    """`name` without the prefix; `kind` is counter, gauge or histogram; `samples` gives (label values, value).

    A value that is None is left out: there is nothing to tell yet.
    """

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str
    samples: Samples


def _one(value: Callable[[Snapshot], Any]) -> Samples:
    return lambda snapshot: [((), value(snapshot))]


def _of_streams(value: Callable[[Any], Any] | str) -> Samples:
    return lambda snapshot: [((each.stream,), _value(each, value)) for each in snapshot.streams]


def _of_workers(value: Callable[[Any], Any] | str) -> Samples:
    return lambda snapshot: [((each.name,), _value(each, value)) for each in snapshot.workers]


def _of_mappings(value: Callable[[Any], Any] | str) -> Samples:
    return lambda snapshot: [((each.name,), _value(each, value)) for each in snapshot.coverage.mappings]


def _of_books(name: str) -> Samples:
    return lambda snapshot: [((row.mapping, row.stream), getattr(row, name)) for row in snapshot.ledger]


def _of_flows(value: Callable[[Any], Any] | str) -> Samples:
    return lambda snapshot: [((each.stream,), _value(each, value)) for each in snapshot.flows]


def _of_endpoints(value: Callable[[Any], Any] | str) -> Samples:
    return lambda snapshot: [((each.endpoint,), _value(each, value)) for each in snapshot.endpoints]


def _value(each: Any, value: Callable[[Any], Any] | str) -> Any:
    return getattr(each, value) if isinstance(value, str) else value(each)


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
_CODES: Final = sorted(get_args(DeadLetterCode))
"""Each begins at 0: Prometheus does not see an increase to the first value of a counter."""
_STREAM_STATES: Final = get_args(State)
_WORKER_STATES: Final = get_args(WorkerState)
_BRIDGE_STATES: Final = get_args(BridgeState)


def _bridge_states(snapshot: Snapshot) -> Iterable[tuple[tuple[str, ...], Any]]:
    return [((state,), int(snapshot.state == state)) for state in _BRIDGE_STATES]


def _problems(snapshot: Snapshot) -> Iterable[tuple[tuple[str, ...], Any]]:
    """Yield a sample for each kind: a series that begins with its first problem would be absent before, and after."""
    counts = Counter((each.code, each.severity) for each in snapshot.problems)
    return [
        ((kind.code, severity), counts[kind.code, severity]) for kind in PROBLEM_KINDS for severity in kind.severities
    ]


def _stream_states(snapshot: Snapshot) -> Iterable[tuple[tuple[str, ...], Any]]:
    return [((each.stream, state), int(each.state == state)) for each in snapshot.streams for state in _STREAM_STATES]


def _worker_states(snapshot: Snapshot) -> Iterable[tuple[tuple[str, ...], Any]]:
    return [((each.name, state), int(each.state == state)) for each in snapshot.workers for state in _WORKER_STATES]


def _workers_up(snapshot: Snapshot) -> Iterable[tuple[tuple[str, ...], Any]]:
    """One that has drained its spool is done, and not down."""
    up = ("running", "draining")
    return [((each.name,), int(each.state in up)) for each in snapshot.workers if each.state != "drained"]


def _info(snapshot: Snapshot) -> Iterable[tuple[tuple[str, ...], Any]]:
    build = (__version__, platform.python_version(), SQLITE_VERSION, f"{platform.system()}-{platform.machine()}")
    return [((*build, snapshot.settings_fingerprint, snapshot.mappings_fingerprint), 1)]


def _books(name: str) -> Metric:
    kind, suffix = ("gauge", "") if name == "spooled" else ("counter", "_total")
    return Metric(
        f"records_{name}{suffix}", kind, ("mapping", "stream"), f"{_BOOKS_HELP[name]}, by the books.", _of_books(name)
    )


METRICS: Final = (
    Metric("info", "gauge", ("version", "python", "sqlite", "platform", "config", "mappings"),
           "1, with versions; `config` and `mappings` are fingerprints: bridges with the same one have the same options, or the same mapping files. "
           "No secret has a part in them.", _info),
    Metric("start_time_seconds", "gauge", (), "When the bridge was started, in seconds since 1970.", _one(lambda s: s.started_at)),
    Metric("healthy", "gauge", (), "1 while there is progress: what /healthz says.", _one(lambda s: int(not s.stalled))),
    Metric("state", "gauge", ("state",), "1 for the state of the bridge: ok, degraded (a warning) or failing (an error).", _bridge_states),
    Metric("ready", "gauge", (), "1 while the state is not failing: what /readyz returns, with its reasons.", _one(lambda s: int(s.state != "failing"))),
    Metric("problems", "gauge", ("code", "severity"), "Number of active problems; `status` and the page show cause and remedy.", _problems),
    Metric("session_info", "gauge", ("broker", "protocol", "client_id"), "1, with the broker's address as configured, the MQTT version and the client id.",
           lambda s: [((s.broker, s.protocol, s.client_id), 1)]),
    Metric("connected", "gauge", (), "1 while connected to the broker.", _one(lambda s: int(s.connected))),
    Metric("subscribed", "gauge", (), "1 while subscribed to all that the mappings want.", _one(lambda s: int(s.subscribed))),
    Metric("client_id_conflict", "gauge", (), "1 while the broker reports session takeovers by another client with the same client ID.",
           _one(lambda s: int(bool(s.client_id_conflict)))),
    Metric("session_unstable", "gauge", (), "1 while the broker ends the session again and again without a reason.", _one(lambda s: int(bool(s.session_unstable)))),
    Metric("lost_guarantees", "gauge", (), "Number of guarantees for which the broker grants less than requested.", _one(lambda s: len(s.lost_guarantees))),
    Metric("connections_total", "counter", (), "Connections to a broker since the start.", _one(lambda s: s.connections)),
    Metric("messages_total", "counter", (), "MQTT messages received since the start.", _one(lambda s: s.received_messages)),
    Metric("message_bytes_total", "counter", (), "Bytes of their payloads.", _one(lambda s: s.payload_bytes)),
    Metric("redelivered_total", "counter", (), "QoS 2 messages that were there already.", _one(lambda s: s.redelivered)),
    Metric("unmatched_total", "counter", (), "Messages that no mapping matches.", _one(lambda s: s.unmatched)),
    Metric("unmatched_topics", "gauge", (), "Topics that no mapping matches, up to 1,000; `coverage` names them.", _one(lambda s: len(s.coverage.topics))),
    *(_books(name) for name in (*COLUMNS, *BREAKDOWN_COLUMNS)),
    Metric("books_balanced", "gauge", (), "1 while the books balance.", _one(lambda s: int(s.balanced))),
    Metric("spool_bytes", "gauge", (), "Bytes of the spool's files.", _one(lambda s: s.spool_bytes)),
    Metric("spool_max_bytes", "gauge", (), "spool.max_bytes.", _one(lambda s: s.spool_max_bytes)),
    Metric("spool_min_free_bytes", "gauge", (), "spool.min_free_bytes: what the spool leaves free on its disk.", _one(lambda s: s.spool_min_free_bytes)),
    Metric("disk_free_bytes", "gauge", (), "Free bytes of the spool's disk.", _one(lambda s: s.disk_free_bytes)),
    Metric("blocked", "gauge", (), "1 while nothing can be spooled, and so nothing is read.", _one(lambda s: int(bool(s.blocked)))),
    Metric("damaged_spools", "gauge", (), "Damaged spools that were set aside.", _one(lambda s: s.damaged_spools)),
    Metric("dead_letters", "gauge", (), "Dead letters that are kept.", _one(lambda s: s.dead_letter_count)),
    Metric("dead_letter_bytes", "gauge", (), "What they take in the spool.", _one(lambda s: s.dead_letter_bytes)),
    Metric("dead_letter_max_bytes", "gauge", (), "spool.max_dead_letter_bytes: beyond it the oldest give way.", _one(lambda s: s.dead_letter_max_bytes)),
    Metric("rejected_total", "counter", ("code",), "Dead letters made since the start, by their reason.",
           lambda s: [((code,), letters) for code, letters in (dict.fromkeys(_CODES, 0) | dict(s.letters_by_code)).items()]),
    Metric("mappings", "gauge", (), "Mappings in force.", _one(lambda s: len(s.coverage.mappings))),
    Metric("mapping_problem", "gauge", ("mapping",), "1 while a mapping's file does not load; its last good version is in force.",
           lambda s: [((name,), 1) for name in s.failing_mappings]),
    Metric("mapping_messages_total", "counter", ("mapping",), "Messages that match a mapping's topic.", _of_mappings("messages")),
    Metric("mapping_last_message_timestamp_seconds", "gauge", ("mapping",), "When the last of them came, in seconds since 1970; absent before the first.",
           _of_mappings(lambda each: each.last_ms / 1000 if each.last_ms else None)),
    Metric("mapping_longest_pause_seconds", "gauge", ("mapping",), "The longest time between two of them so far.", _of_mappings(lambda each: each.longest_pause_ms / 1000)),
    Metric("mapping_silent_seconds", "gauge", ("mapping",), "For how long a mapping has gone silent; 0 while it has not.", _of_mappings(lambda each: each.silent_ms / 1000)),
    Metric("reloads_total", "counter", (), "Times that mappings were put in force.", _one(lambda s: s.reloads)),
    Metric("last_reload_timestamp_seconds", "gauge", (), "When they were last put in force, in seconds since 1970.", _one(lambda s: s.reloaded_at or None)),
    Metric("stream_state", "gauge", ("stream", "state"), "1 for the state that a stream is in: ok, retrying or refused.", _stream_states),
    Metric("stream_bad_seconds", "gauge", ("stream",), "For how long the state has not been ok; 0 while it is.", _of_streams("bad_for_secs")),
    Metric("stream_stalled_seconds", "gauge", ("stream",), "For how long Kinesis has accepted nothing although records are buffered; 0 while it accepts.",
           _of_flows("stalled_secs")),
    Metric("stream_failed_in_a_row", "gauge", ("stream",), "Requests that failed since the last one that Kinesis answered.", _of_streams("failed_in_a_row")),
    Metric("stream_drain_seconds", "gauge", ("stream",), "How long delivering the present backlog takes at the rate of the last minute; absent while unknown.",
           _of_flows("drain_secs")),
    Metric("stream_oldest_seconds", "gauge", ("stream",), "Age of the oldest record that waits.", _of_streams("oldest_secs")),
    Metric("stream_delivered_total", "counter", ("stream",), "Records that Kinesis has taken since the start.", _of_streams("delivered")),
    Metric("stream_throttled_total", "counter", ("stream",), "Refusals for lack of throughput.", _of_streams("throttled")),
    Metric("stream_retried_total", "counter", ("stream",), "Records sent once more.", _of_streams("retried")),
    Metric("stream_resent_total", "counter", ("stream",), "Records sent again since they came to a wrong shard.", _of_streams("resent")),
    Metric("stream_rejected_total", "counter", ("stream",), "Records that Kinesis can never take.", _of_streams("rejected")),
    Metric("stream_duplicates_possible_total", "counter", ("stream",), "Records sent again although they may have been stored.", _of_streams("duplicates_possible")),
    Metric("stream_requests_total", "counter", ("stream",), "PutRecords requests.", _of_streams("requests")),
    Metric("stream_failed_requests_total", "counter", ("stream",), "Requests that failed as a whole.", _of_streams("failed_requests")),
    Metric("stream_requests_in_flight", "gauge", ("stream",), "Requests under way.", _of_streams("in_flight_requests")),
    Metric("stream_records_in_flight", "gauge", ("stream",), "Records in them.", _of_streams("in_flight_records")),
    Metric("stream_records_in_hand", "gauge", ("stream",), "Records taken from the spool to be sent, and not in a request yet.", _of_streams("waiting")),
    Metric("stream_hot_key", "gauge", ("stream",), "1 while one partition key alone brings as much as a shard takes, or more; the page says which.",
           _of_streams(lambda each: int(bool(each.hot_key)))),
    Metric("stream_max_record_bytes", "gauge", ("stream",), "The largest record that the stream takes; absent until Kinesis has told it.",
           _of_streams("max_record_bytes")),
    Metric("stream_last_answer_timestamp_seconds", "gauge", ("stream",), "When Kinesis last gave a request's records their results, in seconds since 1970; absent before.",
           _of_streams(lambda each: each.answered_at or None)),
    Metric("stream_last_answer_seconds", "gauge", ("stream",), "How long that request took.", _of_streams(lambda each: each.last_latency_ms / 1000 if each.answered_at else None)),
    Metric("stream_answer_seconds", "histogram", ("stream",), "How long the requests took that got results.",
           lambda s: [((stream,), each) for stream, each in s.answers.items()]),
    Metric("endpoint_bandwidth_bytes_per_second", "gauge", ("endpoint",), "Bandwidth of the link to AWS, as requests measure it; absent before the first answer.",
           _of_endpoints(lambda each: each.bandwidth or None)),
    Metric("endpoint_answer_seconds", "gauge", ("endpoint",), "Lowest recent time from the last byte of a request to its answer.", _of_endpoints("answer_secs")),
    Metric("endpoint_request_bytes", "gauge", ("endpoint",), "Largest request that may start now, in bytes on the wire.", _of_endpoints("request_bytes")),
    Metric("endpoint_window_bytes", "gauge", ("endpoint",), "Bytes that may be in flight.", _of_endpoints("window_bytes")),
    Metric("endpoint_bytes_in_flight", "gauge", ("endpoint",), "Bytes in flight.", _of_endpoints("bytes_in_flight")),
    Metric("endpoint_max_requests", "gauge", ("endpoint",), "Requests that may be in flight.", _of_endpoints("max_requests")),
    Metric("endpoint_requests_in_flight", "gauge", ("endpoint",), "Requests in flight.", _of_endpoints("requests")),
    Metric("endpoint_timeouts_total", "counter", ("endpoint",), "Requests that timed out.", _of_endpoints("timeouts")),
    Metric("endpoint_outcome_unknown_total", "counter", ("endpoint",), "Requests that may have been stored although no good answer came.", _of_endpoints("outcome_unknown")),
    Metric("endpoint_limited_seconds", "gauge", ("endpoint",), "For how long requests have waited for the link without a break; 0 while it is not the limit.",
           _of_endpoints("limited_secs")),
    Metric("credentials_expire_timestamp_seconds", "gauge", (), "When the AWS credentials in use end; absent if never, or not told.",
           _one(lambda s: s.credentials_expire_at)),
    Metric("receive_to_spool_seconds", "histogram", (), "From a message's arrival to its commit on disk.", _one(lambda s: s.receive_to_spool)),
    Metric("spool_to_delivered_seconds", "histogram", (), "From a record's commit on disk until Kinesis has taken it.", _one(lambda s: s.spool_to_delivered)),
    Metric("receive_to_delivered_seconds", "histogram", (),
           "The whole way: from a message's arrival until Kinesis has taken its record, over an outage and a restart (then to 5 s). It begins with the "
           "arrival, since MQTT does not tell when a message was published.", _one(lambda s: s.receive_to_delivered)),
    Metric("worker_up", "gauge", ("worker",), "1 while a worker's process is at work, or drains; all others here are sums over the workers.", _workers_up),
    Metric("worker_state", "gauge", ("worker", "state"), "1 for the state that a worker is in: " + ", ".join(_WORKER_STATES) + ".", _worker_states),
    Metric("worker_restarts_total", "counter", ("worker",), "Times that a worker had ended, and was started again.", _of_workers("restarts")),
    Metric("worker_up_seconds", "gauge", ("worker",), "For how long its process has run.", _of_workers("up_secs")),
    Metric("worker_connected", "gauge", ("worker",), "1 while a worker is connected to the broker.", _of_workers(lambda each: int(each.connected))),
    Metric("worker_messages_total", "counter", ("worker",), "MQTT messages that a worker received.", _of_workers("received_messages")),
    Metric("worker_records_delivered_total", "counter", ("worker",), "Records of its spool that Kinesis has taken, by the books.", _of_workers("delivered")),
    Metric("worker_records_spooled", "gauge", ("worker",), "Records that wait in a worker's spool.", _of_workers("spooled")),
    Metric("worker_oldest_seconds", "gauge", ("worker",), "Age of the oldest record that waits in a worker's spool.", _of_workers("oldest_secs")),
    Metric("worker_dead_letters", "gauge", ("worker",), "Dead letters in a worker's spool.", _of_workers("dead_letter_count")),
)  # fmt: skip
"""All there are. docs/reference/metrics.md is made from it."""
