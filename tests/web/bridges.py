"""A bridge for tests of the page, with a real spool and real mappings, and without a broker."""

from dataclasses import replace

from bridge.delivery.stream_status import StreamStatus
from bridge.errors import BridgeError
from bridge.histogram import Histogram
from bridge.ingest.bindings import bind_mappings
from bridge.ingest.replay import DeadLetterJob, DeadLetterJobs
from bridge.ingest.topic_coverage import CoverageReport, TopicCoverage
from bridge.mapping.loading.live_mappings import LiveMappings
from bridge.monitoring.flow import Flow
from bridge.monitoring.problem_rules import find_problems
from bridge.monitoring.problems import ActiveProblem
from bridge.monitoring.recording.curves import Curves
from bridge.monitoring.recording.event_log import EventLogs
from bridge.monitoring.snapshot import MappingError, Snapshot
from bridge.spool.database.transaction import Transaction
from tests.spool.builders import dead_letter, opened

NOW = 1_800_000_000.0


def problem(code="stream-stalled", **changes):
    values = {
        "code": code,
        "severity": "error",
        "stage": "delivering",
        "summary": "Kinesis accepts no records of stream telemetry",
        "cause": "Network: connection refused",
        "advice": "check the network",
        "since": NOW,
        "stream": "telemetry",
    }
    return ActiveProblem(**{**values, **changes})


def stream(name="telemetry", **changes):
    values = dict.fromkeys(StreamStatus.__dataclass_fields__, 0)
    texts = dict.fromkeys(("code", "detail", "hint", "hot_key", "endpoint"), "")
    return StreamStatus(**{**values, **texts, "stream": name, "state": "ok", **changes})


def snapshot(**changes):
    timed = Histogram()
    timed.observe(0.004, 90)
    timed.observe(0.2, 10)
    values = {
        "broker": "mqtt://127.0.0.1:1883",
        "protocol": "5",
        "connected": True,
        "subscribed": True,
        "connections": 1,
        "received_messages": 100,
        "redelivered": 0,
        "unmatched": 0,
        "ledger": (),
        "streams": (stream(),),
        "spool_bytes": 4096,
        "dead_letter_count": 0,
        "dead_letters": (),
        "problems": (),
        "coverage": CoverageReport(0, 1, (), (), 0),
        "receive_to_spool": timed.value(),
        "spool_to_delivered": timed.value(),
        "receive_to_delivered": timed.value(),
        "request_latency": {"telemetry": timed.value()},
    }
    return Snapshot(**{**values, **changes})


class Bridge:
    """Bridge for tests of the page (see `RunningBridge`). `now` is its snapshot."""

    def __init__(self, folder):
        self.spool = opened(folder / "data")
        self.mappings = LiveMappings(folder / "mappings", folder / "in-force")
        self.mappings.reload()
        self.folder = self.data_folder = folder / "data"
        self.dead_letter_jobs = DeadLetterJobs(self.spool)
        self.now = snapshot()
        self.flow = Flow()
        self.hanging = []
        self.tap = None
        self.curves = Curves()
        self.events = []
        self.configuration = None
        self.streams = []

    def snapshot(self):
        """Return a snapshot with the problems that the rules find, as for the first snapshot."""
        errors = tuple(MappingError(each.file, str(each)) for each in self.mappings.problems)
        failing = self.now.failing_mappings or self.mappings.failing
        now = replace(self.now, stalled=tuple(self.hanging), mapping_errors=errors, failing_mappings=failing)
        return replace(now, problems=find_problems(now, self.flow, NOW))

    def event_log(self):
        return EventLogs({"": self.folder}, self.events)

    def shards(self):
        return self.streams

    def stalled(self):
        return self.hanging

    def dead_letters_folder(self, worker):
        if worker is not None:
            raise BridgeError(f"there is no worker {worker}")
        return self.folder

    def set_tap(self, tap):
        self.tap = tap

    def run_job(self, action, numbers, worker=None):
        self.dead_letters_folder(worker)
        job = self.dead_letter_jobs.add(DeadLetterJob(action, numbers))
        mappings = self.mappings.routes.mappings
        places = bind_mappings(self.spool, mappings, TopicCoverage(0).tally)
        targets = {mapping.name: (mapping, places[mapping.name]) for mapping in mappings}
        while self.dead_letter_jobs:
            transaction = Transaction()
            part = self.dead_letter_jobs.fill(transaction, targets)
            self.spool.commit(transaction)
            part.committed()
        return job

    def reject(self, *dead_letters):
        transaction = Transaction(
            dead_letters=[dead_letter(mapping="press", streams=("telemetry",), **each) for each in dead_letters]
        )
        place = self.spool.mapping_number("press"), self.spool.queue("telemetry").number
        transaction.dead_lettered[place] += len(dead_letters)
        self.spool.commit(transaction)


def publish(topic, payload, qos=1):
    """Return a message as the wire carries it."""
    return (0x30 | qos << 1, topic.encode(), b"\0\1" if qos else b"", b"", payload, len(payload))
