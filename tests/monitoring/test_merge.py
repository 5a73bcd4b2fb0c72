from dataclasses import replace

import pytest

from bridge.histogram import FINE_SECS, Histogram
from bridge.ingest.topic_coverage import CoverageReport, MappingActivity, UnmatchedTopic
from bridge.monitoring.merge import ended_process_snapshot, final_counters, merge
from bridge.monitoring.snapshot import DeadLettersByCode
from bridge.spool.ledger import LedgerRow
from bridge.spool.mapping_state import StateUsage
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


TEXTS = ("session_problem", "client_id_conflict", "session_unstable", "blocked_reason")


@pytest.mark.parametrize("field", TEXTS)
def test_merge_writes_the_name_of_a_worker_before_its_text(field):
    assert getattr(of_two({field: "x"}, {field: "y"}), field) == "worker 1: x; worker 2: y"
    assert getattr(of_two({}, {field: "y"}), field) == "worker 2: y"
    restarted = merge([("", snapshot(**{field: "x"})), ("", final_counters(snapshot()))])
    assert getattr(restarted, field) == "x"


ENDED = {
    "disk_free_bytes": 5,
    "credentials_expire_at": 100.0,
    "lost_guarantees": (("qos-lowered", "x"),),
    "mapping_states": (StateUsage("press", 7, 700, 3),),
    "failing_mappings": ("oven",),
    "memory_bytes": 9,
    "poison_dead_letters": 4,
    "draining": True,
}
"""Values of a process that has ended, which say nothing about its next process."""


@pytest.mark.parametrize("name", ENDED)
def test_final_counters_do_not_change_a_value_of_the_next_process(name):
    now = snapshot(disk_free_bytes=90, credentials_expire_at=None, mapping_states=(StateUsage("press", 2, 200, 0),))
    ended = final_counters(snapshot(**{name: ENDED[name]}))
    merged = merge([("", now), ("", merge([("", ended), ("", ended)]))])
    if name == "mapping_states":
        assert merged.mapping_states == (StateUsage("press", 2, 200, 6),)
    else:
        assert getattr(merged, name) == getattr(now, name)


def test_final_counters_of_a_stream_do_not_change_its_state():
    bad = stream(
        state="refused", code="AccessDenied", detail="no", hint="allow it", bad_for_secs=90.0, last_latency_ms=5_000.0,
        max_record_bytes=1_000, oldest_secs=70.0, stalled_secs=60.0, failed_in_a_row=4, hot_key="k", waiting=8,
        in_flight_records=3, in_flight_requests=1, throttled=11,
    )  # fmt: skip
    now = stream(max_record_bytes=2_000, last_latency_ms=10.0, delivered=1)
    ended = final_counters(snapshot(streams=(bad, stream("other", state="retrying", code="x", bad_for_secs=5.0))))
    merged, other = sorted(
        merge([("", snapshot(streams=(now,))), ("", ended)]).streams, key=lambda each: each.delivered == 0
    )
    assert merged == replace(now, throttled=11)
    assert other == stream("other", max_record_bytes=None)


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
