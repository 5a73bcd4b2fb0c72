"""With default options and without failures, the records of a key are stored in the order of the spool.

Real threads and the real publisher send to a stand-in of Kinesis, in which requests overtake one another. The test then
reads the stored records shard by shard, as a KCL consumer does, for every kind of packing. `test_order_emulators` reads
back from emulators.
"""

import pytest

from bridge.delivery.adaptive_concurrency import AdaptiveConcurrency
from tests.delivery.key_order import (
    KEYS,
    NO_FAULTS,
    PACKINGS,
    PATIENCE_SECS,
    SETTINGS,
    Traffic,
    burst,
    each_arrival,
    each_number_of_keys,
    each_packing,
    publisher_to,
    queue_of,
    stream,
)
from tests.delivery.test_stream_sender import sending
from tests.fakes.kinesis import KinesisStandIn
from tests.fakes.stream_queue import eventually

DATA_STREAM = "telemetry"
LATENCY_SECS = (0.001, 0.06)
COUNTS = {burst: 1500, stream: 400}
LIMITS = ((2, 100_000), (16, 4_000_000), (1, 8_000), (16, 4_000_000))
"""Limits that apply one after the other: the number of requests in flight, and their bytes."""

RESHARDS = (("split", 0), ("merge", 3, 1), ("split", 4), ("merge", 2, 5), ("split", 7))


@pytest.fixture
def kinesis():
    with KinesisStandIn({DATA_STREAM: 2}, latency_secs=LATENCY_SECS) as stand_in:
        yield stand_in


@pytest.fixture
def publisher(kinesis):
    made = publisher_to(kinesis.url)
    yield made
    made.close()


@each_packing
@each_number_of_keys
@each_arrival
def test_random_latencies_keep_the_order_of_a_key(kinesis, publisher, packing, keys, arrive):
    traffic, queue = Traffic(keys), queue_of(DATA_STREAM, packing)
    with sending(queue, publisher, SETTINGS):
        arrive(queue, traffic.records(COUNTS[arrive]))
        assert queue.wait_settled(traffic.sent, PATIENCE_SECS)
    assert traffic.faults(kinesis.streams[DATA_STREAM]) == NO_FAULTS


@each_packing
@each_number_of_keys
@each_arrival
def test_reshards_in_mid_flight_keep_the_order_of_a_key(kinesis, publisher, packing, keys, arrive):
    traffic, queue, data_stream = Traffic(keys), queue_of(DATA_STREAM, packing), kinesis.streams[DATA_STREAM]
    with sending(queue, publisher, SETTINGS):
        for change, *shards in RESHARDS:
            arrive(queue, traffic.records(COUNTS[arrive] // len(RESHARDS) // 2))
            eventually(lambda: data_stream.in_flight > 0, secs=0.5)
            getattr(data_stream, change)(*shards)
            arrive(queue, traffic.records(COUNTS[arrive] // len(RESHARDS) // 2))
            assert queue.wait_settled(traffic.sent, PATIENCE_SECS)  # AWS reshards a stream only when it is ACTIVE again
    assert traffic.faults(data_stream) == NO_FAULTS


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("keys", KEYS[1:])
def test_requests_that_grow_and_shrink_keep_the_order_of_a_key(kinesis, publisher, monkeypatch, packing, keys):
    limits = list(LIMITS[0])
    monkeypatch.setattr(AdaptiveConcurrency, "max_requests", property(lambda self: limits[0]))
    monkeypatch.setattr(AdaptiveConcurrency, "window_bytes", property(lambda self: limits[1]))
    traffic, queue = Traffic(keys), queue_of(DATA_STREAM, packing)
    with sending(queue, publisher, SETTINGS):
        for changed in LIMITS:
            limits[:] = changed
            burst(queue, traffic.records(1000))
            # The limits change while records wait and requests are in flight.
            eventually(lambda: len(queue.delivered) > traffic.sent - 500, PATIENCE_SECS)
        assert queue.wait_settled(traffic.sent, PATIENCE_SECS)
    assert traffic.faults(kinesis.streams[DATA_STREAM]) == NO_FAULTS
