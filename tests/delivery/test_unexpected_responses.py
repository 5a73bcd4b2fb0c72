"""Responses for one stream that Kinesis would not send. Its records wait, and other streams continue."""

import threading

import pytest

from bridge.delivery.sender_pools import SenderPools
from bridge.delivery.settings import SenderSettings
from tests.fakes.stream_queue import MemoryQueue, eventually, records

UNEXPECTED = [
    "<html>Sign in to the plant network</html>",
    "",
    "null",
    "[]",
    "{}",
    '{"__type": 7}',
    '{"Records": [{"SequenceNumber": "1", "ShardId": ["shardId-0"]}]}',
    '{"Records": [{"ErrorCode": 7}]}',
    '{"Records": null, "Shards": [{}], "StreamDescriptionSummary": {"MaxRecordSizeInKiB": -5}}',
    '{"Records": [], "Shards": [], "NextToken": "again", "StreamDescriptionSummary": []}',
]


SETTINGS = SenderSettings(requests_in_flight=4, linger_secs=0.0, refused_retry_secs=0.2)


@pytest.fixture
def pools(publisher):
    threads = []

    def start(name, body):
        thread = threading.Thread(target=body, name=name)
        thread.start()
        threads.append(thread)

    made = SenderPools(publisher, SETTINGS, start)
    made.threads = threads
    yield made
    made.stop()
    for thread in threads:
        thread.join(30)


@pytest.mark.parametrize("body", UNEXPECTED)
@pytest.mark.parametrize("status", [200, 204, 400])
def test_unexpected_response_to_one_stream_does_not_stop_another(kinesis, publisher, pools, status, body):
    kinesis.fault("malformed", stream="telemetry", operation=None, status=status, text=body)
    wrong, right = MemoryQueue("telemetry packing=kpl", records(5)), MemoryQueue("archive packing=kpl")
    pools.add(wrong)
    pools.add(right)
    right.put(*records(200))
    assert right.wait_settled(200, secs=30)
    assert eventually(lambda: kinesis.operations["DescribeStreamSummary", "telemetry"] > 0)
    assert all(thread.is_alive() for thread in pools.threads)
    assert not wrong.delivered
    assert not wrong.rejected
    kinesis.clear()
    assert wrong.wait_settled(5, secs=60)
    assert len(wrong.delivered) == 5
