"""Packed records during a reshard by an emulator whose shards behave as in AWS (npm `kinesis-local`)."""

import time
from collections import Counter

import pytest

from tests.delivery.test_packed_sending import ONE_AT_A_TIME, in_order_per_key, rows, telemetry
from tests.delivery.test_stream_sender import sending
from tests.fakes.stream_queue import MemoryQueue, eventually
from tests.harness import kinesis_local
from tests.harness.consumers import kcl, read_shards
from tests.kinesis.conftest import publisher_for


@pytest.fixture(scope="module")
def url():
    with kinesis_local.kinesis_local() as url:
        yield url


@pytest.mark.parametrize(("shards", "then"), [(1, 2), (4, 2)])
def test_records_are_all_found_after_resharding(url, shards, then):
    client = kinesis_local.client(url)
    stream = f"from-{shards}-to-{then}"
    client.create_stream(StreamName=stream, ShardCount=shards)
    assert eventually(lambda: kinesis_local.is_active(client, stream), secs=30)
    publisher = publisher_for(url)
    queue = MemoryQueue(f"{stream} packing=kpl order=strict", telemetry(400))
    with sending(queue, publisher, ONE_AT_A_TIME):
        assert queue.wait_settled(400, secs=30)
        client.update_shard_count(StreamName=stream, TargetShardCount=then, ScalingType="UNIFORM_SCALING")
        deadline = time.monotonic() + 30
        while not kinesis_local.is_active(client, stream) and time.monotonic() < deadline:
            time.sleep(0.05)
        queue.put(*telemetry(400, first=401))
        assert queue.wait_settled(800, secs=30)
    publisher.close()
    found = kcl(read_shards(client, stream))
    assert Counter(found) == Counter(rows(telemetry(800)))
    assert in_order_per_key(found)
