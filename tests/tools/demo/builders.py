"""Scenes to show, without a demo that plays."""

from bridge.delivery.stream_status import StreamStatus
from bridge.ingest.topic_coverage import CoverageReport
from bridge.kinesis.stream_reader import Arrived
from bridge.monitoring.snapshot import DeadLetterSummary, Snapshot
from bridge.spool.ledger import LedgerRow
from bridge.tools.demo.scene import ConsumedCounts, Scene

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


def arrived(stream="factory-telemetry", shard=1, key="p[red]7", number=49, data=b'{"x": "[blink]"}'):
    return Arrived(stream, f"shardId-{shard:012}", key, str(number), data)


def read_back(*records):
    made = ConsumedCounts()
    for record in records:
        made.saw(record)
    return made


def scene(*, elapsed_secs=12.0, read=None, **changes):
    read = read or read_back(*(arrived(shard=shard, number=n) for n in range(1, 9) for shard in (0, 1)))
    return Scene(snapshot(**changes), 130_000, elapsed_secs, "mosquitto", read)
