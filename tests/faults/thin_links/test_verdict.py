from dataclasses import replace

import pytest

from tests.faults.thin_links.link_run import BACKLOG, SLOWER_AND_FASTER, LinkRun, Phase
from tests.faults.thin_links.verdict import (
    LinkResult,
    PhaseResult,
    latency_bound,
    percentile,
    recovery_time,
)

RUN = LinkRun(64_000, load="live", policy="live_first")
GOOD = LinkResult(
    RUN,
    (PhaseResult(80.0, 100.0),),
    messages=10_000,
    duplicates=200,
    latencies=(1.0, 2.0),
    published=9_800,
    recovery_secs=30.0,
)


def test_result_at_the_limits_has_no_fault():
    assert GOOD.faults == []
    assert GOOD.row().endswith("| 1.0 / 2.0 s | 0 | 0 | OK |") or "2.0 / 2.0 s" in GOOD.row()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"phases": (PhaseResult(79.0, 100.0),)}, "phase 1: 79% of what the link can carry; at least 80%"),
        ({"phases": (PhaseResult(90.0, 100.0), PhaseResult(0.0, 100.0))}, "phase 2: 0%"),
        ({"phases": ()}, "nothing was measured"),
        ({"duplicates": 201}, "2.0% duplicates; at most 2%"),
        ({"latencies": (1.0,) * 98 + (15.0, 15.0)}, "latency p99 15.0 s; at most 14.1 s"),
        ({"recovery_secs": 31.0}, "full speed after 31 s; at most 30 s after a change"),
        ({"recovery_secs": None}, "full speed never; at most 30 s after a change"),
        ({"lost": 1}, "1 of 9800 records lost"),
        ({"problems": ("stop: exit code 1",)}, "stop: exit code 1"),
    ],
)
def test_result_with_one_fault_names_it(change, fault):
    [found] = replace(GOOD, **change).faults
    assert found.startswith(fault)


def test_calibrated_sender_must_reach_more():
    result = LinkResult(LinkRun(64_000, sender="calibrated"), (PhaseResult(94.0, 100.0),), recovery_secs=0.0)
    assert result.faults == ["phase 1: 94% of what the link can carry; at least 95%"]


def test_latency_bound_of_oldest_first_is_the_time_of_the_backlog():
    run = replace(RUN, policy="oldest_first")
    assert latency_bound(run) == pytest.approx(run.backlog * 200 / (0.8 * run.carried(Phase())) + 4.0)


def test_percentile_is_a_measured_value():
    assert percentile(range(100), 0.99) == 99
    assert percentile((5.0,), 0.5) == 5.0


def arrivals(*rates):
    """Return the payload that arrived between two times, if this number of bytes arrived in each second."""

    def bytes_between(began, ended):
        return sum(rate for second, rate in enumerate(rates) if began <= second < ended)

    return bytes_between


def test_recovery_is_the_begin_of_the_first_window_at_full_speed():
    assert recovery_time(arrivals(*[0] * 10, *[100] * 20), 0.0, 30.0, 100) == 7.0
    assert recovery_time(arrivals(*[100] * 20), 0.0, 20.0, 100) == 0.0
    assert recovery_time(arrivals(*[100] * 10, *[0] * 10, *[100] * 20), 10.0, 40.0, 100) == 7.0


def test_recovery_that_does_not_come_is_none():
    assert recovery_time(arrivals(*[79] * 40), 0.0, 40.0, 100) is None
    assert recovery_time(arrivals(*[100] * 10), 0.0, 10.0, 100) is None


def test_live_traffic_is_half_of_what_the_slowest_phase_carries():
    assert RUN.live_rate * RUN.message_bytes == pytest.approx(RUN.carried(Phase()) / 2)
    slower = replace(RUN, phases=SLOWER_AND_FASTER)
    assert slower.live_rate * slower.message_bytes == pytest.approx(slower.carried(Phase(rate_factor=0.1)) / 2)


def test_backlog_beside_live_traffic_lasts_for_the_measured_time():
    assert RUN.backlog == BACKLOG
    fast = replace(RUN, rate=1_250_000, message_bytes=1_000)
    assert fast.backlog * 1_000 / (fast.carried(Phase()) / 2) == pytest.approx(160, abs=1)
