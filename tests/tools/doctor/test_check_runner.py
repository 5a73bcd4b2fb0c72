"""Parallel execution of checks: a check that fails or hangs hides no finding of another check."""

import threading

from bridge.tools.doctor.check_runner import examine
from bridge.tools.doctor.finding import ok


def test_check_that_fails_or_hangs_stops_no_other():
    hanging = threading.Event()

    def hang():
        yield ok("disk.sync", "slow", "begun")
        hanging.wait(30)

    checks = [("slow", hang), ("broken", lambda: 1 / 0), ("good", lambda: [ok("disk.sync", "good", "ok")])]
    shown = [(each.subject, each.status) for each in examine(checks, 0.2)]
    hanging.set()
    assert shown == [("slow", "ok"), ("slow", "error"), ("broken", "error"), ("good", "ok")]


def test_checks_run_at_the_same_time_and_report_in_their_order():
    met = threading.Barrier(2, timeout=30)

    def check(name):
        met.wait()
        yield ok("disk.sync", name, "first")
        met.wait()
        yield ok("disk.sync", name, "second")

    found = [(each.subject, each.message) for each in examine([("a", lambda: check("a")), ("b", lambda: check("b"))])]
    assert found == [("a", "first"), ("a", "second"), ("b", "first"), ("b", "second")]


def test_check_findings_are_yielded_before_the_check_ends():
    end = threading.Event()

    def check():
        yield ok("disk.sync", "a", "early")
        assert end.wait(30)
        yield ok("disk.sync", "a", "late")

    findings = examine([("a", check)])
    assert next(findings).message == "early"
    end.set()
    assert [each.message for each in findings] == ["late"]


def test_check_without_findings_is_no_error():
    assert list(examine([("a", list)])) == []
    assert list(examine([])) == []


def test_check_that_fails_after_a_finding_keeps_the_finding():
    def check():
        yield ok("disk.sync", "a", "early")
        raise KeyError("name")

    first, second = examine([("a", check)])
    assert (first.message, second.check, second.message) == ("early", "doctor", "KeyError: 'name'")
