"""Rules that find problems. Each case has a state of the bridge, and the problems that the rules should find."""

from typing import get_args

import pytest

from bridge.ingest.topic_coverage import CoverageReport, MappingActivity
from bridge.monitoring.flow import Flow, RecentRejections
from bridge.monitoring.problem_kinds import KINDS
from bridge.monitoring.problem_rules import find_problems
from bridge.monitoring.problems import ProblemCode, state_of
from bridge.monitoring.snapshot import DeadLettersByCode, MappingError, WorkerStatus
from bridge.monitoring.stream_flow import StreamFlow
from bridge.spool.ledger import LedgerRow
from tests.web.bridges import NOW, snapshot, stream

STARTED = NOW - 1_000
WORKER = WorkerStatus(2, "worker 2", "b-2", "data/worker-2", "running", "", 7, 12.5, 0, "", True, 9, 8, 1, 4.0, 0)
BUFFERED = (LedgerRow("press", "telemetry", 104_085, 0, 0, 0, 0, 104_085),)
UNREACHABLE = {"code": "Network", "detail": "Could not connect", "endpoint": "kinesis.eu-west-1.amazonaws.com"}
AWAY = {"connected": False, "subscribed": False}
PRESS_FAILS = {"mapping_errors": (MappingError("mappings/press.yaml", "x"),), "failing_mappings": ("press",)}
OVEN_FAILS = {
    "mapping_errors": (MappingError("mappings/oven.yaml", "x"), MappingError("mappings/oven.yaml", "y")),
    "failing_mappings": ("oven",),
}
OFF_BY_ONE = (LedgerRow("press", "telemetry", 10, 9, 0, 0, 0, 0),)
OK = (stream(state="ok"),)
REFUSED = (stream(state="refused"),)
RETRYING = (stream(state="retrying", bad_for_secs=900.0),)
FAILED_ONCE = (stream(state="retrying", failed_in_a_row=1),)
NEVER_ACCEPTED = (stream(state="retrying", failed_in_a_row=2),)
INTERRUPTED = (stream(state="retrying", failed_in_a_row=2, delivered=7),)
HANGING = ("the ingest thread has made no progress for 31 s",)
COVERED = CoverageReport(0, 1, (MappingActivity("press", "t", 1, 1, 0, 0),), (), 0)


def flow(stalled=0.0, behind=0.0, **more):
    return Flow(streams={"telemetry": StreamFlow("telemetry", stalled, behind)}, **more)


CASES = {
    "healthy": ({}, flow(), []),
    "idle, no message for an hour": ({"received_messages": 0, "streams": ()}, Flow(), []),
    "not connected for 5 s": (AWAY, flow(unsubscribed_secs=5.0), ["not-connected warning"]),
    "not connected for 30 s": (AWAY, flow(unsubscribed_secs=30.0), ["not-connected error"]),
    "never connected": (AWAY, flow(unsubscribed_secs=None), ["not-connected error"]),
    "SUBACK outstanding for 1 s": ({"subscribed": False}, flow(unsubscribed_secs=1.0), ["not-subscribed warning"]),
    "SUBACK outstanding for 31 s": ({"subscribed": False}, flow(unsubscribed_secs=31.0), ["not-subscribed error"]),
    "a filter refused": (
        {"subscribed": False, "session_problem": "the broker refused the subscription to a/#: not authorized"},
        flow(unsubscribed_secs=1.0),
        ["not-subscribed error"],
    ),
    "draining, not connected yet": ({**AWAY, "draining": True}, flow(unsubscribed_secs=None), []),
    "draining, broker unreachable": (
        {**AWAY, "draining": True, "session_problem": "cannot connect"},
        flow(unsubscribed_secs=None),
        ["not-connected error"],
    ),
    "client ID conflict while connected": (
        {"client_id_conflict": "another client"},
        flow(),
        ["client-id-conflict error"],
    ),
    "session ended again and again": ({"session_unstable": "3 times"}, flow(), ["session-unstable warning"]),
    "QoS 0 granted instead of 1": (
        {"lost_guarantees": (("qos-lowered", "a/#: QoS 0 instead of 1"),)},
        flow(),
        ["qos-lowered warning"],
    ),
    "session lost and short": (
        {"lost_guarantees": (("session-lost", "then"), ("session-expiry-lowered", "60 s"))},
        flow(),
        ["session-expiry-lowered warning", "session-lost warning"],
    ),
    "shared subscription in 3.1.1": (
        {"lost_guarantees": (("shared-subscription-unverified", "3.1.1"),)},
        flow(),
        ["shared-subscription-unverified warning"],
    ),
    "mapping fails, last good version active": (
        {**PRESS_FAILS, "coverage": COVERED},
        flow(),
        ["mapping-failing warning"],
    ),
    "two errors in one file are one problem": (
        OVEN_FAILS,
        flow(),
        ["mapping-failing warning"],
    ),
    "10 of 19 records rejected": (
        {},
        flow(rejections={"press": RecentRejections(19, 10)}),
        ["mapping-rejects warning"],
    ),
    "10 of 20 records rejected": ({}, flow(rejections={"press": RecentRejections(20, 10)}), []),
    "9 of 9 records rejected": ({}, flow(rejections={"press": RecentRejections(9, 9)}), []),
    "poison message": ({"poison_dead_letters": 1}, flow(), ["poison-messages warning"]),
    "poison message of this run that is no longer stored": (
        {"dead_letters_by_code": (DeadLettersByCode("poison", 1),)},
        flow(),
        [],
    ),
    "spool full": ({"blocked_reason": "3 of spool.max_bytes 3 MiB", "spool_full": True}, flow(), ["spool-full error"]),
    "disk read-only": ({"blocked_reason": "attempt to write a readonly database"}, flow(), ["spool-write-error error"]),
    "damaged spool": ({"damaged_spools": 1}, flow(), ["spool-damaged warning"]),
    "records dropped": ({}, flow(dropped={"telemetry": 3}), ["records-dropped warning"]),
    "dead letters evicted": ({}, flow(evicted=2), ["dead-letters-evicted warning"]),
    "ledger off by one": ({"ledger": OFF_BY_ONE}, flow(), ["ledger-mismatch error"]),
    "refused by AWS": ({"streams": REFUSED}, flow(), ["stream-refused error"]),
    "refused for long is not stalled too": (
        {"streams": REFUSED, "ledger": BUFFERED},
        flow(stalled=300.0),
        ["stream-refused error"],
    ),
    "accepted nothing for 29 s": ({"ledger": BUFFERED}, flow(stalled=29.0), []),
    "never accepted, one attempt failed": ({"streams": FAILED_ONCE, "ledger": BUFFERED}, flow(stalled=9.0), []),
    "never accepted, two attempts failed": (
        {"streams": NEVER_ACCEPTED, "ledger": BUFFERED}, flow(stalled=0.5), ["stream-stalled warning"],
    ),
    "never accepted, and nothing buffered": ({"streams": NEVER_ACCEPTED}, flow(), []),
    "accepted, two attempts failed for 9 s": ({"streams": INTERRUPTED, "ledger": BUFFERED}, flow(stalled=9.0), []),
    "accepted, two attempts failed for 10 s": (
        {"streams": INTERRUPTED, "ledger": BUFFERED}, flow(stalled=10.0), ["stream-stalled warning"],
    ),
    "accepted nothing for 30 s": ({"ledger": BUFFERED}, flow(stalled=30.0), ["stream-stalled error"]),
    "stalled is not behind too": ({"ledger": BUFFERED}, flow(stalled=400.0, behind=350.0), ["stream-stalled error"]),
    "stalled, state still ok": ({"streams": OK, "ledger": BUFFERED}, flow(stalled=31.0), ["stream-stalled error"]),
    "nothing accepted, nothing buffered": ({}, flow(stalled=4_000.0), []),
    "retrying, but records flow": ({"streams": RETRYING, "ledger": BUFFERED}, flow(), []),
    "falling behind": ({"ledger": BUFFERED}, flow(behind=320.0), ["stream-falling-behind warning"]),
    "records of a newer version": ({"unsendable": (("x", "unknown option"),)}, flow(), ["stream-format-unknown error"]),
    "hot key": ({"streams": (stream(hot_key="press07"),)}, flow(), ["hot-key warning"]),
    "ingest thread hangs": ({"stalled": HANGING}, flow(), ["thread-stalled error"]),
    "worker running": ({"workers": (WORKER,)}, flow(), []),
    "page not served": ({"page_problem": "address in use"}, flow(), ["page-not-served warning"]),
    "several at once, errors first and in the order of the data path": (
        {**AWAY, "damaged_spools": 1, "stalled": ("x",), "ledger": BUFFERED},
        flow(stalled=60.0, unsubscribed_secs=60.0),
        ["not-connected error", "stream-stalled error", "thread-stalled error", "spool-damaged warning"],
    ),
}  # fmt: skip


def found(changes, seen):
    return find_problems(snapshot(**{"started_at": STARTED, **changes}), seen, NOW)


@pytest.mark.parametrize("case", CASES)
def test_find_problems_returns_exactly_the_expected_problems(case):
    changes, seen, expected = CASES[case]
    assert [f"{each.code} {each.severity}" for each in found(changes, seen)] == expected


@pytest.mark.parametrize("state", ["starting", "restarting", "stopped"])
def test_worker_that_does_not_run_is_an_error_with_its_name(state):
    down = WorkerStatus(2, "worker 2", "", "", state, "it crashed", 0, 0, 1, "", False, 0, 0, 0, 0, 0)
    [problem] = found({"workers": (WORKER, down)}, flow())
    assert (problem.code, problem.severity, problem.worker, problem.cause) == (
        "worker-down",
        "error",
        "worker 2",
        "it crashed",
    )


@pytest.mark.parametrize("state", ["running", "draining", "drained"])
def test_worker_that_runs_or_has_drained_is_no_problem(state):
    worker = WorkerStatus(2, "worker 2", "", "", state, "", 0, 0, 0, "", False, 0, 0, 0, 0, 0)
    assert found({"workers": (worker,)}, flow()) == ()


def test_problem_codes_all_have_a_kind_and_a_case():
    assert set(KINDS) == set(get_args(ProblemCode))
    shown = {each.split()[0] for _, _, expected in CASES.values() for each in expected}
    assert shown | {"worker-down"} == set(KINDS)


def test_problems_follow_their_kind_and_have_a_remedy():
    for changes, seen, _ in CASES.values():
        for problem in found(changes, seen):
            kind = KINDS[problem.code]
            assert (problem.stage, problem.severity in kind.severities) == (kind.stage, True)
            assert problem.summary
            assert problem.advice
            assert problem.what_is_safe


@pytest.mark.parametrize(
    ("codes", "state"), [((), "ok"), (("hot-key",), "degraded"), (("hot-key", "spool-full"), "failing")]
)
def test_state_is_that_of_the_worst_problem(codes, state):
    changes = {
        "hot-key": {"streams": (stream(hot_key="k"),)},
        "spool-full": {"blocked_reason": "x", "spool_full": True},
    }
    merged = {name: value for code in codes for name, value in changes[code].items()}
    assert state_of(found(merged, flow())) == state


def test_stalled_stream_has_endpoint_beginning_cause_and_safe_data():
    status = stream(state="retrying", failed_in_a_row=12, **UNREACHABLE)
    [problem] = found({"streams": (status,), "ledger": BUFFERED}, flow(stalled=252.0))
    assert problem.summary == "Kinesis accepts no records of stream telemetry (kinesis.eu-west-1.amazonaws.com)"
    assert problem.cause == "Network: Could not connect"
    assert (problem.since, problem.attempts, problem.stream) == (NOW - 252, 12, "telemetry")
    assert problem.what_is_safe == "104,085 records buffered on disk; none lost"
    assert "doctor" in problem.advice


def test_dropped_records_of_a_stalled_stream_are_not_called_safe():
    problems = found({"ledger": BUFFERED}, flow(stalled=60.0, dropped={"telemetry": 7}))
    assert problems[0].what_is_safe == "104,085 records buffered on disk; 7 dropped"


def test_refused_stream_has_the_hint_of_aws_and_its_beginning():
    status = stream(
        state="refused", code="AccessDenied", detail="no", hint="allow kinesis:PutRecords", bad_for_secs=90.0
    )
    [problem] = found({"streams": (status,)}, flow())
    assert (problem.advice, problem.cause, problem.since) == ("allow kinesis:PutRecords", "AccessDenied: no", NOW - 90)


def test_falling_behind_reports_both_rates():
    behind = StreamFlow("telemetry", 0.0, 320.0, received_per_sec=140.0, delivered_per_sec=31.25)
    [problem] = found({"ledger": BUFFERED}, Flow(streams={"telemetry": behind}))
    assert problem.cause == "140.0 records/s arrive, 31.2 records/s are accepted"
    assert problem.since == NOW - 320


def test_session_never_connected_is_a_problem_since_the_start():
    changes = {"connected": False, "subscribed": False, "session_problem": "cannot connect to x", "session_attempts": 3}
    [problem] = found(changes, flow(unsubscribed_secs=None))
    assert (problem.since, problem.attempts, problem.cause) == (STARTED, 3, "cannot connect to x")


def test_failing_mapping_without_a_good_version_is_not_loaded():
    errors = tuple(MappingError("mappings/oven.yaml", f"mappings/oven.yaml:{line}:1: wrong") for line in range(1, 6))
    [problem] = found({"mapping_errors": errors, "failing_mappings": ("oven",)}, flow())
    assert (problem.mapping, problem.summary) == ("oven", "mapping oven: not loaded")
    assert problem.cause.splitlines()[-1] == "and 2 more errors"
    [kept] = found(
        {
            "mapping_errors": (MappingError("mappings/press.yaml", "x"),),
            "failing_mappings": ("press",),
            "coverage": COVERED,
        },
        flow(),
    )
    assert kept.summary == "mapping press: reload failed, the last good version stays active"
    assert kept.safe == "The last good version of this mapping and all other mappings are active."


def test_ledger_mismatch_reports_by_how_much():
    [problem] = found({"ledger": (LedgerRow("press", "telemetry", 10, 6, 1, 0, 0, 0),)}, flow())
    assert problem.summary == "accounting mismatch on press → telemetry"
    assert problem.cause == "10 received, 7 accounted for: off by 3"
