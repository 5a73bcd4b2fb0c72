"""Requests and records are never larger than Kinesis accepts, because their sizes are counted exactly.

https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.delivery.delivery_tracker import DeliveryTracker
from bridge.delivery.settings import SenderSettings
from bridge.kinesis.limits import MAX_REQUEST_BYTES
from bridge.kinesis.publisher import StreamDescription
from bridge.kinesis.put_records_codec import RecordAccepted
from bridge.kinesis.shard_map import Shard
from bridge.model import BatchingOptions, Record
from tests.delivery.requests import on_results
from tests.fakes.kinesis_streams import Stream

MIB = 1024 * 1024
KEYS = st.sampled_from(["", "press1", "k" * 256, "ü" * 256, "🏭" * 256])
SIZES = st.sampled_from([0, 1, 200, 25 * 1024, MIB - 1024, MIB - 256, MIB, 3 * MIB, 10 * MIB - 1024, 10 * MIB])
NAMES = ["s", "s packing=kpl", "s packing=lines", "s packing=lines compression=zstd", "s packing=kpl order=strict"]


def counted(entry):
    return len(entry.data) + len(entry.key.encode())


@st.composite
def queues(draw):
    """Strategy for queues of up to some thousand records. Many are small, and some fill or exceed a request."""
    kinds = draw(st.lists(st.tuples(KEYS, SIZES, st.integers(1, 700)), min_size=1, max_size=6))
    sized = [
        (key, size, count if size <= 200 else 1 + count % 12 if size <= 25 * 1024 else 1) for key, size, count in kinds
    ]
    parts = [(key, b"x" * size) for key, size, count in sized for _ in range(count)]
    return [Record(number, 1, key or str(number), data) for number, (key, data) in enumerate(parts, 1)]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    records=queues(),
    most=st.sampled_from([1024, 25 * 1024, MIB, 10 * MIB]),
    takes=st.sampled_from([MIB, 10 * MIB]),
    request_bytes=st.sampled_from([MAX_REQUEST_BYTES, 20_000, 2 * MIB]),
)
def test_requests_are_within_the_limits_of_kinesis(name, records, most, takes, request_bytes):
    tracker = DeliveryTracker(name, SenderSettings(linger_secs=0.0))
    tracker.tune(BatchingOptions(max_record_bytes=most))
    stream, now = Stream("s", 3), 0.0
    tracker.on_described(StreamDescription(max_record_bytes=takes, described=True), now)
    tracker.on_shards([Shard(each.id, each.first_hash, each.last_hash) for each in stream.open_shards], now)
    settled = {record.number for record, code, _ in tracker.add(records, now) if code == "too_large"}
    assert settled == {record.number for record in records if counted(record) > takes}
    for _ in range(20_000):
        now += 0.5
        batch = tracker.next_request(1, request_bytes, now)
        if not batch.records:
            if tracker.accumulator.next_due(now) is None:
                break
            continue
        sizes = [counted(entry) for entry in batch.entries]
        assert len(sizes) <= 500
        assert max(sizes) <= takes
        assert max(map(len, [entry.key for entry in batch.entries])) <= 256
        assert sum(sizes) == batch.counted_bytes
        assert sum(sizes) <= 10 * MIB
        assert len(sizes) == 1 or sum(sizes) <= request_bytes
        delivered, _ = on_results(
            tracker, batch, [RecordAccepted("1", shard_of(stream, entry)) for entry in batch.entries], now
        )
        settled |= {record.number for record in delivered}
    assert settled == {record.number for record in records}


def shard_of(stream, entry):
    return stream.shard_of(entry.key, getattr(entry, "hash_key", None)).id
