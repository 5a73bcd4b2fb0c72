"""Snapshot: the status of the bridge at one time. `status`, the page, the metrics, the demo and `run` use it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from bridge.delivery.endpoint_status import EndpointStatus
from bridge.delivery.stream_status import StreamStatus
from bridge.histogram import HistogramSnapshot
from bridge.ingest.topic_coverage import CoverageReport
from bridge.monitoring.problem_text import verdict
from bridge.monitoring.problems import ActiveProblem, problem_from_json, state_of
from bridge.monitoring.stream_flow import StreamFlow
from bridge.spool.ledger import LedgerRow
from bridge.spool.mapping_state import StateUsage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.monitoring.problems import State
    from bridge.mqtt.lost_guarantees import GuaranteeCode

RECORD_OVERHEAD_BYTES: Final = 100
"""Bytes of a record in the database in addition to its data: key, number, indexes and page headers."""
# The bytes per record are measured only in a spool of at least this size. In a smaller spool, the write-ahead log
# (4 MiB) and free pages would make the result too large.
_MEASURABLE_BYTES: Final = 64 * 1024**2
NOTHING_TIMED = HistogramSnapshot((), (0,), 0.0)
"""Histogram of a process that has measured no latency."""
SHOWN_DEAD_LETTERS = 20
"""Maximum number of dead letters in a snapshot. They are the newest ones."""
TIMED = ("receive_to_spool", "spool_to_delivered", "receive_to_delivered")
"""Fields that are histograms of latencies."""
# Fields that `summary_json` omits. `status_json` and `to_json` add them in other forms.
_OTHER_FORMS = frozenset({"coverage", "request_latency", *TIMED})
WorkerState = Literal["starting", "running", "draining", "drained", "restarting", "stopped"]


class DeadLetterSummary(NamedTuple):
    """One of the newest dead letters, without its payload."""

    number: int
    mapping: str
    topic: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One process of `run --workers`. Its counters continue after a restart.

    number     number of the worker; 0 is the process whose spool is in `spool.path` itself
    detail     reason why the process is not running, or "" while it runs
    restarts   number of restarts after a crash
    last_end   reason for the last restart
    """

    number: int
    name: str
    client_id: str
    folder: str
    state: WorkerState
    detail: str
    pid: int
    up_secs: float
    restarts: int
    last_end: str
    connected: bool
    received_messages: int
    delivered: int
    spooled: int
    oldest_secs: float
    dead_letter_count: int


class DeadLettersByCode(NamedTuple):
    """Number of dead letters with one code that were created since the start."""

    code: str
    dead_letters: int


class MappingError(NamedTuple):
    """One error in a mapping file, lookup table or schema file. `text` begins with its position in the file."""

    file: str
    text: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Status of the bridge at one time. `problems` are the active problems, errors first."""

    broker: str
    protocol: str
    connected: bool
    subscribed: bool
    connections: int
    received_messages: int
    redelivered: int
    unmatched: int
    ledger: tuple[LedgerRow, ...]
    """For each mapping and stream, the number of received records and of their outcomes since the spool was created."""
    streams: tuple[StreamStatus, ...]
    spool_bytes: int
    dead_letter_count: int
    dead_letters: tuple[DeadLetterSummary, ...]
    problems: tuple[ActiveProblem, ...]
    coverage: CoverageReport
    client_id: str = ""
    payload_bytes: int = 0
    blocked_reason: str = ""
    """Reason why reading from the broker is paused (back-pressure), or "" while messages are read."""
    client_id_conflict: str = ""
    """Text about another client with the same client ID, or "" while the broker reports none."""
    session_unstable: str = ""
    """Text about a session that the broker ends again and again without a reason, or "" while it is stable."""
    lost_guarantees: tuple[tuple[GuaranteeCode, str], ...] = ()
    """(code, cause) of each guarantee that the broker gives only in part, such as a lower QoS than requested."""
    spool_max_bytes: int = 0
    disk_free_bytes: int = 0
    damaged_spools: int = 0
    failing_mappings: tuple[str, ...] = ()
    reloads: int = 0
    reloaded_at: float = 0.0
    mappings_fingerprint: str = ""
    settings_fingerprint: str = ""
    started_at: float = 0.0
    """Time of the start in seconds since 1970. `reloaded_at` has the same unit."""
    stalled: tuple[str, ...] = ()
    """Reasons why a thread makes no progress; empty while all threads make progress."""
    dead_letter_bytes: int = 0
    dead_letter_max_bytes: int = 0
    dead_letters_by_code: tuple[DeadLettersByCode, ...] = ()
    poison_dead_letters: int = 0
    """Number of stored dead letters with the code `poison`. It decreases when they are replayed, deleted or evicted."""
    mapping_states: tuple[StateUsage, ...] = ()
    """Sizes of the states of mappings. Mappings without a state are omitted."""
    credentials_expire_at: float | None = None
    receive_to_spool: HistogramSnapshot = NOTHING_TIMED
    spool_to_delivered: HistogramSnapshot = NOTHING_TIMED
    receive_to_delivered: HistogramSnapshot = NOTHING_TIMED
    request_latency: Mapping[str, HistogramSnapshot] = field(default_factory=dict)
    """Latency of the requests of each stream."""
    workers: tuple[WorkerStatus, ...] = ()
    """Workers whose snapshots were merged into this one; empty for a bridge of one process."""
    endpoints: tuple[EndpointStatus, ...] = ()
    """Links to AWS, as measured by the requests of this process."""
    flows: tuple[StreamFlow, ...] = ()
    """Flow of each stream: rates, stalls and times to drain."""
    session_problem: str = ""
    """Current error of the MQTT session, or "" while there is none."""
    draining: bool = False
    """True for a bridge that only sends the records of its spool and receives nothing."""
    session_attempts: int = 0
    """Failed attempts to connect since the last session."""
    mapping_errors: tuple[MappingError, ...] = ()
    spool_full: bool = False
    """True if `blocked_reason` is a limit of the spool. False if the disk accepts no writes."""
    spool_min_free_bytes: int = 0
    unsendable: tuple[tuple[str, str], ...] = ()
    """(stream, reason) for each stream with records that this version cannot send."""
    page_problem: str = ""
    """Reason why the page, the metrics and the health checks are not served, or "" if they are served or turned off."""
    cpu_secs: float = 0.0
    """CPU time of the process since its start."""
    memory_bytes: int = 0
    """Resident memory of the process."""
    max_bytes_per_sec: int = 0
    """Value of kinesis.max_bytes_per_sec, or 0 if there is no limit."""

    def summary_json(self) -> dict[str, Any]:
        """Return the fields as JSON types, without the coverage and the histograms.

        The result also contains values that are calculated from the fields, such as the state.
        """
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in _OTHER_FORMS}
        values["ledger"] = [row._asdict() for row in self.ledger]
        values["streams"] = [asdict(stream) for stream in self.streams]
        values["dead_letters"] = [dead_letter._asdict() for dead_letter in self.dead_letters]
        values["workers"] = [asdict(worker) for worker in self.workers]
        values["dead_letters_by_code"] = [each._asdict() for each in self.dead_letters_by_code]
        values["mapping_states"] = [each._asdict() for each in self.mapping_states]
        values["problems"] = [each.to_json() for each in self.problems]
        values["endpoints"] = [asdict(endpoint) for endpoint in self.endpoints]
        values["flows"] = [asdict(flow) for flow in self.flows]
        values["mapping_errors"] = [each._asdict() for each in self.mapping_errors]
        active = {"active_mappings": len(self.coverage.mappings)}
        calculated = {**active, "balanced": self.balanced, "state": self.state, "verdict": verdict(self.problems)}
        return {**values, "backlog_bytes": self.backlog_bytes, **calculated}

    def status_json(self) -> dict[str, Any]:
        """Return the response of the bridge to the command `status`."""
        return {"status": self.summary_json(), "coverage": self.coverage.value()}

    def to_json(self) -> dict[str, Any]:
        """Return all fields as JSON types. A worker sends them to its supervisor, which calls `from_json`."""
        timed = {name: list(getattr(self, name)) for name in TIMED}
        request_latency = {stream: list(each) for stream, each in self.request_latency.items()}
        # Do not use `each.to_json()`. It would compose the text `safe` from the counts of this worker, but the
        # supervisor composes this text from the counts of all workers.
        problems = [asdict(each) for each in self.problems]
        return {
            **self.summary_json(),
            **timed,
            "problems": problems,
            "request_latency": request_latency,
            "coverage": self.coverage.value(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Snapshot:
        """Return the snapshot that `to_json` has converted.

        Raise KeyError, TypeError or ValueError for any other value.
        """
        values = {each.name: value[each.name] for each in fields(cls)}
        values["ledger"] = tuple(LedgerRow(**row) for row in values["ledger"])
        values["streams"] = tuple(StreamStatus(**stream) for stream in values["streams"])
        values["dead_letters"] = tuple(DeadLetterSummary(**dead_letter) for dead_letter in values["dead_letters"])
        values["workers"] = tuple(WorkerStatus(**worker) for worker in values["workers"])
        values["coverage"] = CoverageReport.of(values["coverage"])
        values["dead_letters_by_code"] = tuple(DeadLettersByCode(**each) for each in values["dead_letters_by_code"])
        values["mapping_states"] = tuple(StateUsage(**each) for each in values["mapping_states"])
        values["problems"] = tuple(map(problem_from_json, values["problems"]))
        values["endpoints"] = tuple(EndpointStatus(**endpoint) for endpoint in values["endpoints"])
        values["flows"] = tuple(StreamFlow(**flow) for flow in values["flows"])
        values["mapping_errors"] = tuple(MappingError(**each) for each in values["mapping_errors"])
        values["unsendable"] = tuple((stream, why) for stream, why in values["unsendable"])
        values["lost_guarantees"] = tuple((code, cause) for code, cause in values["lost_guarantees"])
        for name in ("failing_mappings", "stalled"):
            values[name] = tuple(values[name])
        for name in TIMED:
            values[name] = HistogramSnapshot.of(values[name])
        values["request_latency"] = {
            stream: HistogramSnapshot.of(each) for stream, each in values["request_latency"].items()
        }
        return cls(**values)

    @property
    def state(self) -> State:
        """State of the bridge: ok, degraded or failing."""
        return state_of(self.problems)

    @property
    def record_bytes(self) -> float:
        """Mean size of a record in the spool, in bytes, or 0 if it is unknown.

        For a large spool, this is the size of the files divided by the number of records. For a small spool, it is an
        estimate: the mean size of a payload plus RECORD_OVERHEAD_BYTES.
        """
        spooled = self.total("spooled")
        of_records = self.spool_bytes - self.dead_letter_bytes
        if spooled and of_records >= _MEASURABLE_BYTES:
            return of_records / spooled
        if not self.received_messages:
            return 0.0
        return self.payload_bytes / self.received_messages + RECORD_OVERHEAD_BYTES

    @property
    def backlog_bytes(self) -> int:
        """Approximate size of the buffered records."""
        return round(self.total("spooled") * self.record_bytes)

    @property
    def balanced(self) -> bool:
        """True if received = delivered + filtered + dead_lettered + dropped + spooled in every row of the ledger."""
        return all(row.balanced for row in self.ledger)

    def total(self, column: str) -> int:
        """Return the sum of a column of the ledger. `column` is its name, such as "received"."""
        return sum(getattr(row, column) for row in self.ledger)
