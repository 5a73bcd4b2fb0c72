"""Status of the bridge at one moment, for the page, the metrics, the demo and the summary at the end."""

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

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.monitoring.problems import State
    from bridge.mqtt.guarantees import GuaranteeCode

RECORD_OVERHEAD_BYTES: Final = 100
"""Bytes that a record takes in the database beside its data: key, number, indexes and page headers."""
_MEASURABLE_BYTES: Final = 64 * 1024**2
"""From this size on, the write-ahead log (4 MiB) and free pages hardly count: bytes per record are measured."""
NOTHING_TIMED = HistogramSnapshot((), (0,), 0.0)
SHOWN_LETTERS = 20
"""The newest dead letters that a snapshot holds."""
TIMED = ("receive_to_spool", "spool_to_delivered", "receive_to_delivered")
_OTHER_FORMS = frozenset({"coverage", "answers", *TIMED})
WorkerState = Literal["starting", "running", "draining", "drained", "restarting", "stopped"]


class DeadLetterSummary(NamedTuple):
    """One dead letter in a list."""

    number: int
    mapping: str
    topic: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One process of `run --workers`. `number` 0 is the bridge whose spool is `spool.path` itself.

    `detail` says why it is not running; "" while it is. `restarts` are those after a crash, `last_end` says how the
    last of them came about. What is counted since the start goes on over them.
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
    """Dead letters for one reason, since the start."""

    code: str
    letters: int


class MappingError(NamedTuple):
    """One error in a mapping file or a lookup table; `text` begins with its position."""

    file: str
    text: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything at one moment. `problems` are the active problems, errors first, as `problem_rules` finds them."""

    broker: str
    protocol: str
    connected: bool
    subscribed: bool
    connections: int
    received_messages: int
    redelivered: int
    unmatched: int
    ledger: tuple[LedgerRow, ...]
    streams: tuple[StreamStatus, ...]
    spool_bytes: int
    dead_letter_count: int
    dead_letters: tuple[DeadLetterSummary, ...]
    problems: tuple[ActiveProblem, ...]
    coverage: CoverageReport
    client_id: str = ""
    payload_bytes: int = 0
    blocked: str = ""
    """Why nothing can be spooled, and so nothing is read; "" while it can."""
    client_id_conflict: str = ""
    """Another client with the same ID, as the broker reported; "" while there is none."""
    session_unstable: str = ""
    """Repeated ends of the session for which the broker gave no reason; "" while there are none."""
    lost_guarantees: tuple[tuple[GuaranteeCode, str], ...] = ()
    """(code, cause) of each guarantee for which the broker grants less than requested."""
    spool_max_bytes: int = 0
    disk_free_bytes: int = 0
    damaged_spools: int = 0
    failing_mappings: tuple[str, ...] = ()
    reloads: int = 0
    reloaded_at: float = 0.0
    mappings_fingerprint: str = ""
    settings_fingerprint: str = ""
    started_at: float = 0.0
    """Seconds since 1970, like `reloaded_at`."""
    stalled: tuple[str, ...] = ()
    """Why there is no progress; empty while there is."""
    dead_letter_bytes: int = 0
    dead_letter_max_bytes: int = 0
    letters_by_code: tuple[DeadLettersByCode, ...] = ()
    credentials_expire_at: float | None = None
    receive_to_spool: HistogramSnapshot = NOTHING_TIMED
    spool_to_delivered: HistogramSnapshot = NOTHING_TIMED
    receive_to_delivered: HistogramSnapshot = NOTHING_TIMED
    answers: Mapping[str, HistogramSnapshot] = field(default_factory=dict)
    """Time that Kinesis took for the requests of each stream."""
    workers: tuple[WorkerStatus, ...] = ()
    """Workers whose sum this is; empty for a bridge of one process."""
    endpoints: tuple[EndpointStatus, ...] = ()
    """Links to AWS, as measured by the requests of this process."""
    flows: tuple[StreamFlow, ...] = ()
    """Rates, stalls and times to drain, by stream."""
    session_problem: str = ""
    """Last error of the MQTT session, "" while it has none."""
    draining: bool = False
    """True for a bridge that only sends the records of its spool, and receives nothing on purpose."""
    session_attempts: int = 0
    """Failed attempts to connect since the last session."""
    mapping_errors: tuple[MappingError, ...] = ()
    spool_full: bool = False
    """True while `blocked` means a limit, False while it means a disk that accepts no write."""
    spool_min_free_bytes: int = 0
    unsendable: tuple[tuple[str, str], ...] = ()
    """(stream, reason) of records that this version cannot send."""
    page_problem: str = ""
    """Why page, metrics and health checks are not served; "" while they are, or are turned off."""

    def value(self) -> dict[str, Any]:
        """Return the values that JSON can hold, without the coverage and the histograms, which have other forms."""
        told = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in _OTHER_FORMS}
        told["ledger"] = [row._asdict() for row in self.ledger]
        told["streams"] = [asdict(stream) for stream in self.streams]
        told["dead_letters"] = [letter._asdict() for letter in self.dead_letters]
        told["workers"] = [asdict(worker) for worker in self.workers]
        told["letters_by_code"] = [each._asdict() for each in self.letters_by_code]
        told["problems"] = [each.to_json() for each in self.problems]
        told["endpoints"] = [asdict(endpoint) for endpoint in self.endpoints]
        told["flows"] = [asdict(flow) for flow in self.flows]
        told["mapping_errors"] = [each._asdict() for each in self.mapping_errors]
        judged = {"balanced": self.balanced, "state": self.state, "verdict": verdict(self.problems)}
        return {**told, "backlog_bytes": self.backlog_bytes, **judged}

    def told(self) -> dict[str, Any]:
        """Return the answer to a command that asks for the status."""
        return {"status": self.value(), "coverage": self.coverage.value()}

    def whole(self) -> dict[str, Any]:
        """Return all values in a form that JSON can hold. A worker sends them to its supervisor."""
        timed = {name: list(getattr(self, name)) for name in TIMED}
        answers = {stream: list(each) for stream, each in self.answers.items()}
        # Without the composed words: a supervisor adds the numbers of its workers first.
        problems = [asdict(each) for each in self.problems]
        return {**self.value(), **timed, "problems": problems, "answers": answers, "coverage": self.coverage.value()}

    @classmethod
    def of(cls, whole: Mapping[str, Any]) -> Snapshot:
        """From what `whole` gave; raises KeyError, TypeError or ValueError for anything else."""
        told = {each.name: whole[each.name] for each in fields(cls)}
        told["ledger"] = tuple(LedgerRow(**row) for row in told["ledger"])
        told["streams"] = tuple(StreamStatus(**stream) for stream in told["streams"])
        told["dead_letters"] = tuple(DeadLetterSummary(**letter) for letter in told["dead_letters"])
        told["workers"] = tuple(WorkerStatus(**worker) for worker in told["workers"])
        told["coverage"] = CoverageReport.of(told["coverage"])
        told["letters_by_code"] = tuple(DeadLettersByCode(**each) for each in told["letters_by_code"])
        told["problems"] = tuple(map(problem_from_json, told["problems"]))
        told["endpoints"] = tuple(EndpointStatus(**endpoint) for endpoint in told["endpoints"])
        told["flows"] = tuple(StreamFlow(**flow) for flow in told["flows"])
        told["mapping_errors"] = tuple(MappingError(**each) for each in told["mapping_errors"])
        told["unsendable"] = tuple((stream, why) for stream, why in told["unsendable"])
        told["lost_guarantees"] = tuple((code, cause) for code, cause in told["lost_guarantees"])
        for name in ("failing_mappings", "stalled"):
            told[name] = tuple(told[name])
        for name in TIMED:
            told[name] = HistogramSnapshot.of(told[name])
        told["answers"] = {stream: HistogramSnapshot.of(each) for stream, each in told["answers"].items()}
        return cls(**told)

    @property
    def state(self) -> State:
        """State of the bridge: ok, degraded or failing."""
        return state_of(self.problems)

    @property
    def record_bytes(self) -> float:
        """Mean bytes of a record in the spool.

        A large spool shows it. Otherwise a record is taken to be as large as a payload: exact enough for hours.
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
        """Size of the buffered records, about."""
        return round(self.total("spooled") * self.record_bytes)

    @property
    def balanced(self) -> bool:
        """Received = delivered + filtered + dead_lettered + dropped + spooled, line by line."""
        return all(row.balanced for row in self.ledger)

    def total(self, column: str) -> int:
        """The sum of one column of the books, such as "received"."""
        return sum(getattr(row, column) for row in self.ledger)
