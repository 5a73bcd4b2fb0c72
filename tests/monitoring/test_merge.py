from dataclasses import replace

import orjson

from bridge.histogram import FINE_SECS, Histogram
from bridge.ingest.topic_coverage import CoverageReport, MappingActivity, UnmatchedTopic
from bridge.monitoring.merge import ended_process_snapshot, final_counters, merge
from bridge.monitoring.snapshot import DeadLettersByCode, Snapshot
from bridge.spool.ledger import LedgerRow
from tests.web.bridges import problem, snapshot, stream

ROW = LedgerRow("press", "telemetry", 10, 6, 1, 1, 0, 2)


def of_two(first=None, second=None):
    return merge([("worker 1", snapshot(**(first or {}))), ("worker 2", snapshot(**(second or {})))])


def test_counts_are_added_and_the_ledger_line_by_line():
    other = LedgerRow("press", "archive", 1, 1, 0, 0, 0, 0)
    merged = of_two({"ledger": (ROW,), "dead_letter_count": 1}, {"ledger": (ROW, other), "dead_letter_count": 2})
    assert (merged.received_messages, merged.dead_letter_count, merged.balanced) == (200, 3, True)
    assert merged.ledger == (other, LedgerRow("press", "telemetry", 20, 12, 2, 2, 0, 4))


def test_stream_has_the_worst_state_and_the_oldest_age():
    bad = stream(state="refused", detail="AccessDenied", hint="allow it", delivered=1, oldest_secs=3.0)
    [merged] = of_two({"streams": (stream(delivered=2, oldest_secs=9.0),)}, {"streams": (bad,)}).streams
    assert (merged.state, merged.hint, merged.delivered, merged.oldest_secs) == ("refused", "allow it", 3, 9.0)


def test_merged_bridge_is_connected_if_all_workers_are():
    assert of_two().connected
    assert not of_two({"connected": False}).connected


def test_problem_of_one_worker_has_its_name_and_of_all_has_none():
    stalled = problem(since=900.0, attempts=3, buffered_records=5, buffer_hours=4.0)
    own = problem(since=800.0, attempts=4, buffered_records=7, buffer_hours=3.0)
    lost = problem("not-connected", severity="warning", stage="receiving", stream="")
    merged = of_two({"problems": (stalled,)}, {"problems": (own, lost)})
    both = problem(since=800.0, attempts=7, buffered_records=12, buffer_hours=3.0)
    assert merged.problems == (both, replace(lost, worker="worker 2"))
    assert (merged.state, merged.problems[0].what_is_safe) == ("failing", "12 records buffered on disk; none lost")


def test_counters_of_an_ended_process_continue_and_count_once():
    before, now = snapshot(ledger=(ROW,), spool_bytes=5), snapshot(ledger=(ROW,), spool_bytes=7, received_messages=1)
    merged = merge([("", now), ("", final_counters(before))])
    assert (merged.received_messages, merged.ledger, merged.spool_bytes) == (101, (ROW,), 7)
    assert merged.receive_to_spool.cumulative[-1] == 200


def test_merge_adds_request_durations_and_dead_letters_by_code():
    codes = (DeadLettersByCode("decode", 2), DeadLettersByCode("topic", 1))
    merged = of_two({"dead_letters_by_code": codes}, {"dead_letters_by_code": codes[:1], "stalled": ("it hangs",)})
    assert merged.dead_letters_by_code == (DeadLettersByCode("decode", 4), DeadLettersByCode("topic", 1))
    assert [merged.request_latency["telemetry"].cumulative[-1], merged.receive_to_delivered.cumulative[-1]] == [
        200,
        200,
    ]
    assert merged.stalled == ("worker 2: it hangs",)


def test_worker_without_latencies_does_not_change_the_others():
    latencies = Histogram(FINE_SECS)
    latencies.observe(0.2, 3)
    merged = of_two({"receive_to_delivered": Histogram().value()}, {"receive_to_delivered": latencies.value()})
    assert merged.receive_to_delivered == latencies.value()


def test_worker_that_has_ended_is_not_connected_and_keeps_its_ledger():
    merged = ended_process_snapshot(snapshot(ledger=(ROW,)))
    assert (merged.connected, merged.ledger, merged.problems) == (False, (ROW,), ())


def test_mapping_is_silent_if_no_worker_receives_its_messages():
    def heard(last_ms, pause_ms):
        mapping = MappingActivity("press", "a/+", 5, last_ms, pause_ms, 0)
        return {"coverage": CoverageReport(0, 500_000, (mapping,), (UnmatchedTopic("x", 2, last_ms),), 1)}

    loud = of_two(heard(100_000, 20_000), heard(495_000, 90_000)).coverage
    assert (loud.silent, loud.mappings[0].messages, loud.mappings[0].longest_pause_ms) == ((), 10, 20_000)
    assert (loud.topics, loud.other_messages) == ((UnmatchedTopic("x", 4, 495_000),), 2)
    assert of_two(heard(100_000, 20_000), heard(200_000, 90_000)).coverage.silent[0].silent_ms == 300_000


def test_snapshot_from_json_equals_the_original():
    codes = (DeadLettersByCode("decode", 2),)
    merged = snapshot(
        ledger=(ROW,), problems=(problem(),), client_id="bridge-1", stalled=("it hangs",), dead_letters_by_code=codes
    )
    assert Snapshot.from_json(orjson.loads(orjson.dumps(merged.to_json()))) == merged
