"""Snapshots for the demo's output, without a running demo."""

from bridge.delivery.stream_status import StreamStatus
from bridge.ingest.topic_coverage import CoverageReport
from bridge.monitoring.snapshot import DeadLetterSummary, Snapshot
from bridge.spool.ledger import LedgerRow

LEDGER = (
    LedgerRow("press-telemetry", "factory-telemetry", 120_345, 120_000, 300, 5, 40, 0),
    LedgerRow("part-counters", "factory-events", 7, 7, 0, 0, 0, 0),
)


def stream_status(stream="factory-telemetry", **changes):
    values = dict.fromkeys(StreamStatus.__slots__, 0) | {"stream": stream, "state": "ok"}
    values |= {"code": "", "detail": "", "hint": "", "max_record_bytes": None, "hot_key": "", "endpoint": ""}
    return StreamStatus(**(values | changes))


def dead_letter(number=5, detail="not JSON: [bold]oops[/bold]"):
    return DeadLetterSummary(number, "press-telemetry", "a/b", "partition_key", detail)


def snapshot(**changes):
    values = {
        "broker": "mqtt://127.0.0.1:1883",
        "protocol": "5",
        "connected": True,
        "subscribed": True,
        "connections": 1,
        "received_messages": 120_345,
        "redelivered": 0,
        "unmatched": 0,
        "ledger": LEDGER,
        "streams": (stream_status(delivered=120_000), stream_status("factory-events", delivered=7)),
        "spool_bytes": 4096,
        "dead_letter_count": 5,
        "dead_letters": tuple(dead_letter(number) for number in range(5, 0, -1)),
        "problems": (),
        "coverage": CoverageReport(0, 0, (), (), 0),
    }
    return Snapshot(**(values | changes))
