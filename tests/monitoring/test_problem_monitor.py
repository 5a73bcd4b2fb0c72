"""Problem monitor with a clock that the test advances."""

import logging

from bridge.monitoring.problem_monitor import ProblemMonitor
from bridge.spool.ledger import LedgerRow
from tests.web.bridges import NOW, snapshot, stream

BUFFERED = (LedgerRow("press", "telemetry", 500, 100, 0, 0, 0, 400),)


class Clock:
    def __init__(self):
        self.now = 50.0
        self.monitor = ProblemMonitor(lambda: self.now, lambda: NOW + self.now)

    def after(self, secs, **changes):
        self.now += secs
        return self.monitor.assess(snapshot(**changes))


def test_snapshot_of_a_healthy_bridge_has_flows_and_no_problem():
    assessed = Clock().after(0)
    assert (assessed.state, assessed.problems, [each.stream for each in assessed.flows]) == ("ok", (), ["telemetry"])


def test_outage_of_kinesis_is_an_error_until_the_first_record(caplog):
    caplog.set_level(logging.INFO, "bridge.monitoring")
    clock, failing = Clock(), stream(state="retrying", code="Network", detail="refused", delivered=100)
    clock.after(0, streams=(failing,), ledger=BUFFERED)
    states = [clock.after(5, streams=(failing,), ledger=BUFFERED).state for _ in range(8)]
    assert states == ["ok"] * 5 + ["failing"] * 3
    recovered = stream(delivered=500)
    assert clock.after(5, streams=(recovered,), ledger=BUFFERED).state == "ok"
    clock.after(20)
    assert [each.levelname for each in caplog.records] == ["ERROR", "INFO"]


def test_broker_outage_degrades_at_once_and_fails_after_30_secs():
    clock = Clock()
    away = {"connected": False, "subscribed": False}
    assert clock.after(0).state == "ok"
    assert [clock.after(secs, **away).state for secs in (1, 28, 1)] == ["degraded", "degraded", "failing"]
    assert clock.after(1).state == "ok"
