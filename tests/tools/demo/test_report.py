import re

from bridge.kinesis.local_stream_reader import ConsumedRecord
from bridge.tools.demo.report import ConsumedCounts, ledger_table, progress_line, summary, verdict_line
from tests.tools.demo.builders import snapshot


def test_consumed_counts_know_the_last_sequence_number_of_each_shard():
    counts = ConsumedCounts()
    for shard, number in ((0, 7), (1, 3), (0, 8)):
        counts.add(ConsumedRecord("a", f"shardId-{shard:012}", "key", str(number), b"{}"))
    assert counts.total == 3
    assert counts.last == {("a", "shardId-000000000000"): "8", ("a", "shardId-000000000001"): "3"}


def test_progress_line_names_messages_records_and_streams():
    assert progress_line(snapshot(), 12.0, 1234.4) == (
        "   12 s   1234 messages/s  120,345 messages became 120,047 records in 2 streams: "
        "120,007 delivered, 0 buffered; 5 dead letters"
    )


def test_summary_explains_why_the_numbers_differ():
    text = summary(snapshot())
    assert text.startswith("120,345 messages became 120,047 records in 2 streams: telemetry goes to two streams")
    assert "5 dead letters, each stored with its raw message and a reason" in text


def test_verdict_counts_the_checks_that_failed():
    assert verdict_line({"a": True, "b": True}).startswith("OK  no message was lost")
    assert verdict_line({"a": True, "b": False}) == "ERROR  1 of 2 checks failed"


def test_ledger_table_omits_no_number():
    head, *rows = ledger_table(snapshot()).splitlines()
    assert re.split(r"  +", head) == [
        *("mapping -> stream", "received", "delivered", "filtered", "dead lettered", "spooled", "dropped"),
    ]
    assert [re.split(r"  +", row) for row in rows] == [
        ["press-telemetry -> factory-telemetry", "120,345", "120,000", "300", "5", "0", "40"],
        ["part-counters -> factory-events", "7", "7", "0", "0", "0", "0"],
        ["all", "120,352", "120,007", "300", "5", "0", "40"],
    ]
