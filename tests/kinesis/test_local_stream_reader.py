import pytest

from bridge.kinesis.local_stream_reader import LocalStreamReader
from bridge.kinesis.publisher import PublisherSettings


class Shards:
    """Client of a stream.

    Each call returns the next page of a shard. The last page of a closed shard has no next iterator.
    """

    def __init__(self, closed=(), **shards):
        self._pages, self._closed = shards, closed
        self.first_iterators = []

    def list_shards(self, StreamName):  # noqa: N803 - botocore's names
        return {"Shards": [{"ShardId": shard} for shard in self._pages]}

    def get_shard_iterator(self, StreamName, ShardId, ShardIteratorType):  # noqa: N803 - as above
        assert ShardIteratorType == "TRIM_HORIZON"
        self.first_iterators.append(ShardId)
        return {"ShardIterator": f"{ShardId}:0"}

    def get_records(self, ShardIterator, Limit):  # noqa: N803 - as above
        shard, page = ShardIterator.split(":")
        pages, number = self._pages[shard], int(page)
        records = [{"PartitionKey": key, "SequenceNumber": "1", "Data": b"x"} for key in pages[number : number + 1]]
        following = min(number + 1, len(pages))
        ended = shard in self._closed and following == len(pages)
        answer = {"Records": [{**record, "PartitionKey": key} for record in records for key in record["PartitionKey"]]}
        return answer if ended else {**answer, "NextShardIterator": f"{shard}:{following}"}


@pytest.fixture
def read():
    def reading(client):
        reader = LocalStreamReader(PublisherSettings("us-east-1"))
        reader._client = client
        return lambda: [(record.shard, record.key) for record in reader.read("s")]

    return reading


def test_stream_reader_continues_each_shard_at_its_last_position(read):
    client = Shards(one=["ab", "c"], two=["d"])
    following = read(client)
    assert following() == [("one", "a"), ("one", "b"), ("two", "d")]
    assert following() == [("one", "c")]
    assert following() == []
    assert client.first_iterators == ["one", "two"]


def test_closed_shard_is_read_once_to_its_end(read):
    following = read(Shards(closed=("one",), one=["ab"], two=["c", "d"]))
    assert following() == [("one", "a"), ("one", "b"), ("two", "c")]
    assert following() == [("two", "d")]
    assert following() == []
