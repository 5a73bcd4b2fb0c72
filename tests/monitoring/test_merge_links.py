"""Merging of the links to AWS and of the flows of several workers."""

from dataclasses import replace

import pytest

from bridge.monitoring.merge_links import idle_endpoints, merge_endpoints, merge_flows
from bridge.monitoring.stream_flow import StreamFlow
from tests.monitoring.test_link_log import THIN


def test_shares_of_a_link_add_up_over_workers():
    other = replace(THIN, bandwidth=10_000.0, answer_secs=0.2, request_bytes=8_000, requests=1, limited_secs=9.0)
    unmeasured = replace(THIN, bandwidth=0.0, answer_secs=0.0)
    [merged] = merge_endpoints([[THIN], [other], [unmeasured]])
    assert (merged.bandwidth, merged.answer_secs, merged.request_bytes) == (41_250.0, 0.2, 16_000)
    assert (merged.requests, merged.timeouts, merged.limited_secs) == (5, 9, 9.0)


def test_merged_latency_ignores_workers_that_do_not_know_it():
    [merged] = merge_endpoints([[THIN], [replace(THIN, answer_secs=0.0)]])
    assert merged.answer_secs == THIN.answer_secs


def test_different_endpoints_stay_apart():
    sts = replace(THIN, endpoint="kinesis.us-east-1.amazonaws.com")
    assert [each.endpoint for each in merge_endpoints([[sts], [THIN]])] == [THIN.endpoint, sts.endpoint]


def test_ended_process_leaves_its_counters_and_no_measurement():
    [idle] = idle_endpoints([replace(THIN, outcome_unknown=2)])
    assert (idle.timeouts, idle.outcome_unknown) == (3, 2)
    assert (idle.bandwidth, idle.requests, idle.window_bytes, idle.limited_secs) == (0.0, 0, 0, 0.0)


def test_flows_of_workers_have_summed_rates_and_slowest_times():
    fast = StreamFlow("telemetry", 0.0, 0.0, 10.0, 10.0, 5.0)
    slow = StreamFlow("telemetry", 40.0, 300.0, 20.0, None, None)
    [merged] = merge_flows([[fast], [slow]])
    assert merged == StreamFlow("telemetry", 40.0, 300.0, 30.0, 10.0, 5.0)


@pytest.mark.parametrize("parts", [[], [[]], [[], []]])
def test_merge_endpoints_and_flows_of_nothing_are_empty(parts):
    assert (merge_endpoints(parts), merge_flows(parts)) == ((), ())


def test_merge_endpoints_of_one_worker_changes_nothing():
    measured = replace(THIN, outcome_unknown=2, sent_bytes=7)
    assert merge_endpoints([[measured]]) == (measured,)


def test_merge_flows_keeps_streams_apart_and_sorted():
    flows = merge_flows([[StreamFlow("b", 1.0)], [StreamFlow("a", 2.0), StreamFlow("b", 3.0)]])
    assert [(each.stream, each.stalled_secs) for each in flows] == [("a", 2.0), ("b", 3.0)]


def test_merge_flows_of_unknown_rates_are_unknown():
    [merged] = merge_flows([[StreamFlow("a")], [StreamFlow("a", received_per_sec=0.0)]])
    assert (merged.received_per_sec, merged.delivered_per_sec, merged.drain_secs) == (0.0, None, None)
