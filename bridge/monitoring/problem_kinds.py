"""Every kind of problem, declared once. `problem_rules.py` and the table in docs/reference/status.md use this list."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.monitoring.problems import ProblemCode, Severity, Stage

STALLED_SECS: Final = 30.0
"""If Kinesis has accepted no record of a stream for this number of seconds, the problem is an error.

A retry after a lost response, a restart of a proxy or a change of the uplink takes up to 15 s. After half a minute, it
is an outage.
"""
UNANSWERED_SECS: Final = 10.0
"""If Kinesis has accepted no record of a stream for this number of seconds, failed requests are a warning.

In normal operation, Kinesis may throttle all records of a request for some seconds.
"""
UNANSWERED_ATTEMPTS: Final = 2
"""Number of consecutive failed requests that are a warning. A single request may be lost on a working link."""
OUTAGE_SECS: Final = 30.0
"""Seconds after which an interruption of the MQTT session is an error. Before, it is a warning.

A restart of the broker, or a fail-over to the next URL, takes less time.
"""
REJECTS_MIN_RECORDS: Final = 10
"""Minimum number of dead letters for the problem `mapping-rejects`. A few malformed messages are no problem."""
REJECTS_SHARE: Final = 0.5
"""Share of dead letters above which a mapping probably does not fit the messages on its topic.

A smaller share can consist of single malformed messages, for which the dead-letter queue exists.
"""


class ProblemKind(NamedTuple):
    """One kind of problem.

    meaning      when the problem exists, and which of its severities applies
    safe         data that the problem does not put at risk
    advice       what a person can do
    """

    code: ProblemCode
    stage: Stage
    severities: tuple[Severity, ...]
    meaning: str
    safe: str
    advice: str


# Value of `safe` for the kinds of the stage `delivering`. `ActiveProblem.what_is_safe` composes their text, because it
# contains the number of buffered records.
_BUFFERED: Final = ""

PROBLEM_KINDS: Final = (
    ProblemKind(
        "not-connected", "receiving", ("warning", "error"),
        f"There is no MQTT session. The problem is a warning for the first {OUTAGE_SECS:.0f} s of an "
        "interruption, and then an error. Before the first session, it is an error at once.",
        "If this client ID has a session, the broker queues its messages of QoS 1 and 2, within its own limits.",
        "check that the broker runs, mqtt.url, the credentials and the network; 'mqtt-kinesis doctor' tests each",
    ),
    ProblemKind(
        "not-subscribed", "receiving", ("warning", "error"),
        "The session exists, but the broker has not granted all topic filters. It is an error if the broker refused a "
        f"filter or did not respond for {OUTAGE_SECS:.0f} s; otherwise a warning.",
        "Filters that were granted continue to deliver.",
        "allow this client to subscribe to the topics (access rules of the broker)",
    ),
    ProblemKind(
        "client-id-conflict", "receiving", ("error",),
        "The broker reports that another client with the same client ID has taken over the session.",
        "Acknowledged messages are in the spool. New messages may go to the other client.",
        "give each bridge its own mqtt.client_id; the log of the broker names the other client",
    ),
    ProblemKind(
        "session-unstable", "receiving", ("warning",),
        "The broker ended the session three times in ten minutes without a reason, and accepted each new connection.",
        "Acknowledged messages are in the spool; the broker delivers the other messages again.",
        "see the log of the broker for restarts, a connection limit, or another client with the same mqtt.client_id",
    ),
    ProblemKind(
        "qos-lowered", "receiving", ("warning",),
        "The broker granted a filter with a lower QoS than the mapping requests.",
        "Messages arrive. If the granted QoS is 0, the broker does not resend messages that are lost when a connection "
        "ends.",
        "permit the QoS in the broker, or set `qos` in the mapping to the granted QoS",
    ),
    ProblemKind(
        "session-expiry-lowered", "receiving", ("warning",),
        "The broker stores the session for a shorter time than mqtt.session_expiry_secs.",
        "Messages arrive. If the bridge is away for longer, the broker discards the messages that it queued.",
        "raise the limit in the broker, or set mqtt.session_expiry_secs to the granted time",
    ),
    ProblemKind(
        "session-lost", "receiving", ("warning",),
        "When the bridge reconnected, the broker no longer had its session. The problem stays active for as long as "
        "the bridge was disconnected, at least ten minutes and at most an hour. The event log still shows it later.",
        "Acknowledged messages are in the spool, and messages published after the reconnect arrive.",
        "configure the broker to save sessions on disk (mosquitto: `persistence true`, `autosave_interval 1`)",
    ),
    ProblemKind(
        "shared-subscription-unverified", "receiving", ("warning",),
        "A shared subscription over MQTT 3.1.1 has delivered no message since the start. The broker may not "
        "support it.",
        "Acknowledged messages are in the spool.",
        "use MQTT 5 (broker and mqtt.protocol), or neither mqtt.share nor --workers. To test the shared subscription, "
        "publish a message",
    ),
    ProblemKind(
        "mapping-failing", "mapping", ("warning",),
        "A mapping file, a lookup table or the folder cannot be loaded. The last good version stays active.",
        "All other mappings are active.",
        "fix the file; 'mqtt-kinesis check' shows every error. The change is loaded within two seconds",
    ),
    ProblemKind(
        "mapping-rejects", "mapping", ("warning",),
        "More than half of a mapping's records became dead letters in the last minutes, and at least "
        f"{REJECTS_MIN_RECORDS} of them.",
        "The original messages are in the dead-letter queue.",
        "see 'mqtt-kinesis dead-letters list', fix the mapping, then 'mqtt-kinesis dead-letters replay'",
    ),
    ProblemKind(
        "poison-messages", "mapping", ("warning",),
        "Dead letters with code 'poison' are stored: the process ended or hung whenever it mapped these messages. The "
        "problem ends when they are deleted, or replayed after a fix.",
        "The messages are in the dead-letter queue, and all others are mapped.",
        "see 'mqtt-kinesis dead-letters list --code poison', report what the payload contains, and then delete the "
        "dead letter; replay it only after a fix",
    ),
    ProblemKind(
        "spool-full", "spooling", ("error",),
        "Back-pressure: the spool has reached spool.max_bytes or spool.min_free_bytes, and reading is paused.",
        "All acknowledged messages are on disk; the broker queues the others, within its own limits.",
        "fix what keeps Kinesis from accepting records, raise spool.max_bytes, or make room on the disk",
    ),
    ProblemKind(
        "spool-write-error", "spooling", ("error",),
        "The disk accepts no writes (it is full, read-only or broken), and reading is paused.",
        "All acknowledged messages are on disk; the broker queues the others, within its own limits.",
        "make room on the disk or repair it; the bridge then continues by itself",
    ),
    ProblemKind(
        "spool-damaged", "spooling", ("warning",),
        "A damaged spool was set aside, in this run or an earlier one.",
        "All readable records are in the new spool; the ledger counts the others as 'damaged'.",
        "read salvage.txt in the folder damaged-*, check the disk, then move the folder away",
    ),
    ProblemKind(
        "records-dropped", "spooling", ("warning",),
        "Records were dropped in the last hour because of spool.when_full or spool.max_age_secs.",
        "All other records are in the spool, and the ledger counts the dropped ones.",
        "fix what keeps Kinesis from accepting records, or raise spool.max_bytes or spool.max_age_secs",
    ),
    ProblemKind(
        "dead-letters-evicted", "spooling", ("warning",),
        "Dead letters were evicted in the last hour because the spool has reached spool.max_dead_letter_bytes.",
        "The newest dead letters are stored, and the ledger counts the evicted ones.",
        "fix the mapping that rejects messages, replay or export dead letters, or raise spool.max_dead_letter_bytes",
    ),
    ProblemKind(
        "ledger-mismatch", "spooling", ("error",),
        "The ledger is not balanced: the number of received records differs from the sum of their outcomes.",
        "The records in the spool are sent as usual.",
        "this is a bug: report it with the output of 'mqtt-kinesis spool verify'",
    ),
    ProblemKind(
        "stream-refused", "delivering", ("error",),
        "AWS refuses the records of a stream until a person acts (permission, missing stream, key, clock).",
        _BUFFERED,
        "see the hint in the error message",
    ),
    ProblemKind(
        "stream-stalled", "delivering", ("warning", "error"),
        f"Kinesis has accepted no record of a stream for {STALLED_SECS:.0f} s although records are buffered. If "
        f"{UNANSWERED_ATTEMPTS} attempts in a row failed, a warning appears earlier: after {UNANSWERED_SECS:.0f} s, or "
        "immediately if Kinesis has accepted no record of the stream since the start.",
        _BUFFERED,
        "check kinesis.endpoint_url if it is set, and the network to the endpoint, its DNS name, firewall and proxy: "
        "'mqtt-kinesis doctor' tests each",
    ),
    ProblemKind(
        "stream-falling-behind", "delivering", ("warning",),
        "Records of a stream are delivered, but its backlog has been growing older for five minutes.",
        _BUFFERED,
        "send less (filter, sample, pack), use a faster link, add shards, or raise kinesis.max_bytes_per_sec",
    ),
    ProblemKind(
        "stream-format-unknown", "delivering", ("error",),
        "The spool contains records of a stream that a newer version of this program wrote.",
        _BUFFERED,
        "install the version that wrote the records",
    ),
    ProblemKind(
        "hot-key", "delivering", ("warning",),
        "The records of one partition key arrive at least as fast as one shard accepts records.",
        _BUFFERED,
        "use a partition_key_from with more different keys, or pack the records; more shards do not help",
    ),
    ProblemKind(
        "thread-stalled", "running", ("error",),
        "A thread makes no progress or has ended; /healthz is 503.",
        "Acknowledged messages are in the spool.",
        "restart the bridge (a supervisor that checks /healthz does so), and report the log",
    ),
    ProblemKind(
        "worker-down", "running", ("error",),
        "A worker of 'run --workers' is starting, restarting or stopped.",
        "Its records are in its spool; other workers receive its messages.",
        "the log of the worker shows why it ended; the supervisor restarts it automatically",
    ),
    ProblemKind(
        "page-not-served", "running", ("warning",),
        "The page, the metrics and the health checks are not served.",
        "The bridge works without the page, the metrics and the health checks.",
        "free the port, or change http.listen",
    ),
)  # fmt: skip
KINDS: Final[Mapping[ProblemCode, ProblemKind]] = MappingProxyType({each.code: each for each in PROBLEM_KINDS})
