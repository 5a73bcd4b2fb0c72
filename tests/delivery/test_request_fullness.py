"""Requests are as full with partition keys as without, although records wait for the response to their key.

Small requests are a waste: each request costs about a millisecond of CPU time, and 1.5 kB of HTTP head on the link.
"""

import pytest

from bridge.kinesis.limits import MAX_REQUEST_RECORDS
from tests.delivery.simulated_requests import SimulatedRequests

BACKLOG = 60_000
LIVE, RECORDS_PER_SEC = 10_000, (300, 2_000, 10_000, 40_000)
FAR_SECS = (0.1, 0.1)
RAMP_REQUESTS = 40
"""Number of requests at the beginning that are ignored: the window still grows, and requests share keys."""

MAX_EXTRA_REQUESTS = 1.05
each_number_of_keys = pytest.mark.parametrize("keys", [100, 2_000, 100_000])


@each_number_of_keys
def test_backlog_with_keys_fills_its_requests(keys):
    link = SimulatedRequests(keys=keys)
    link.send_backlog(BACKLOG)
    sizes = [len(batch.records) for batch in link.batches[RAMP_REQUESTS:-RAMP_REQUESTS]]
    assert sum(sizes) / len(sizes) > 0.95 * MAX_REQUEST_RECORDS


@each_number_of_keys
@pytest.mark.parametrize("records_per_sec", RECORDS_PER_SEC)
def test_live_records_with_keys_need_no_more_requests(keys, records_per_sec):
    needed = []
    for each in (keys, 0):
        link = SimulatedRequests(keys=each)
        link.send_live(LIVE, records_per_sec)
        needed.append(len(link.batches))
    assert needed[0] <= MAX_EXTRA_REQUESTS * needed[1] + 1


@each_number_of_keys
def test_backlog_with_keys_is_as_fast_as_without(keys):
    records_per_sec = []
    for each in (keys, 0):
        link = SimulatedRequests(keys=each, latency_secs=FAR_SECS)
        link.send_backlog(BACKLOG)
        full_pipeline = link.batches[RAMP_REQUESTS:-RAMP_REQUESTS]
        secs = full_pipeline[-1].started_at - full_pipeline[0].started_at
        records_per_sec.append(sum(len(batch.records) for batch in full_pipeline) / secs)
    assert records_per_sec[0] >= 0.95 * records_per_sec[1]


def test_records_of_the_sender_stay_bounded_with_keys():
    link = SimulatedRequests(keys=2_000, requests_in_flight=4)
    link.send_backlog(BACKLOG)
    assert max(link.outstanding) <= 2 * 4 * MAX_REQUEST_RECORDS


def test_hot_key_does_not_empty_the_requests_of_others():
    link = SimulatedRequests(keys=2_000)
    hot = iter(range(BACKLOG))
    append = link.queue.append
    link.queue.append = lambda mapping, key, data: append(mapping, "hot" if next(hot) % 4 == 0 else key, data)
    link.send_backlog(BACKLOG)
    assert BACKLOG / len(link.batches) > 0.7 * MAX_REQUEST_RECORDS
