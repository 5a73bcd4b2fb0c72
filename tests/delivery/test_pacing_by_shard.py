"""If a shard has more records than its limit, other shards are not delayed, and few of its records are refused."""

import pytest

from bridge.delivery.settings import SenderSettings
from bridge.model import Record
from tests.delivery.test_stream_sender import sending
from tests.fakes.stream_queue import MemoryQueue, eventually

SETTINGS = SenderSettings(2, 0.02)


def keys_by_shard(stream):
    found = {}
    for number in range(100):
        found.setdefault(stream.shard_of(f"press{number}").number, f"press{number}")
    return found


@pytest.mark.parametrize(("packing", "size"), [("", 100), (" packing=kpl", 4000), (" order=strict packing=kpl", 4000)])
def test_hot_shard_starves_no_other_and_is_not_bombarded(kinesis, publisher, packing, size):
    stream = kinesis.create("hot", 2, limited=True)
    keys = keys_by_shard(stream)
    hot = [Record(n, 1, keys[0], b"x" * size) for n in range(1, 5001)]
    calm = [Record(n, 1, keys[1], b"x" * 100) for n in range(5001, 5201)]
    queue = MemoryQueue(f"hot{packing}", [*hot, *calm])
    with sending(queue, publisher, SETTINGS) as sender:
        assert eventually(lambda: sum(record.key == keys[1] for record in queue.delivered) == 200, secs=20)
        assert len(queue.delivered) < 5200, "the hot shard took everything at once"
        throttled = sender.status().throttled
    assert throttled <= (1500 if not packing else 2)
    assert stream.counters()["requests"] < 300


def test_packed_hot_shard_gets_all_that_it_takes(kinesis, publisher):
    stream = kinesis.create("hot", 1, limited=True)
    queue = MemoryQueue("hot packing=kpl", [Record(n, 1, "k", b"x" * 1000) for n in range(1, 1501)])
    with sending(queue, publisher, SETTINGS) as sender:
        assert queue.wait_settled(1500, secs=20)
        assert sender.status().throttled == 0
    assert stream.counters()["throttled"] == 0
