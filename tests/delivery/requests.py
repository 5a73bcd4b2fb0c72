"""Functions for tests of a tracker, with requests of any size, because the link has no limits."""

from bridge.delivery.batch_outcome import Settled, sort_results
from bridge.kinesis.limits import MAX_REQUEST_BYTES


def room(tracker, now=0.0, requests=1):
    return tracker.free_capacity(requests, MAX_REQUEST_BYTES, 4 * MAX_REQUEST_BYTES, now)


def next_request(tracker, now=0.0, requests=1):
    return tracker.next_request(requests, MAX_REQUEST_BYTES, now)


def on_results(tracker, batch, results, now=0.0, latency_secs=0.02) -> Settled:
    return tracker.on_results(batch, sort_results(batch.entries, results), results, latency_secs, now)
