"""Contract of Kinesis: the same tests run with the tests' stand-in of Kinesis, and with moto."""

import hashlib

import pytest
from botocore.config import Config
from botocore.session import get_session
from moto.server import ThreadedMotoServer

from bridge.errors import InvalidRequest, Refused
from bridge.model import DEFAULT_RECORD_BYTES, Record
from tests.fakes.kinesis import KinesisStandIn
from tests.fakes.stream_queue import records
from tests.kinesis.conftest import publisher_for


def moto():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def stand_in():
    with KinesisStandIn() as server:
        yield server.url


@pytest.fixture(scope="module", params=[stand_in, moto], ids=["stand_in", "moto"])
def url(request):
    yield from request.param()


@pytest.fixture(scope="module")
def client(url):
    session = get_session()
    session.set_credentials("A", "B")
    return session.create_client(
        "kinesis", region_name="us-east-1", endpoint_url=url, config=Config(retries={"mode": "standard"})
    )


@pytest.fixture
def stream(client, request):
    name = hashlib.md5(request.node.name.encode()).hexdigest()
    client.create_stream(StreamName=name, ShardCount=3)
    yield name
    client.delete_stream(StreamName=name)


@pytest.fixture
def publisher(url):
    made = publisher_for(url)
    yield made
    made.close()


def read_back(client, stream):
    """{shard id: [(sequence number, key, data)]}"""
    stored = {}
    for shard in client.list_shards(StreamName=stream)["Shards"]:
        start = client.get_shard_iterator(StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
        answer = client.get_records(ShardIterator=start["ShardIterator"])
        stored[shard["ShardId"]] = [(r["SequenceNumber"], r["PartitionKey"], r["Data"]) for r in answer["Records"]]
    return stored


class TestAnyKinesis:
    def test_records_that_were_put_are_read_back(self, client, stream, publisher):
        sent = [Record(1, 1, "prèß 🏭", b"\x00\xff"), Record(2, 1, "k", b"x" * 100_000), *records(40)]
        results = publisher.put_records(stream, sent)
        stored = {
            (shard, number): (key, data)
            for shard, rows in read_back(client, stream).items()
            for number, key, data in rows
        }
        assert [stored[result.shard_id, result.sequence_number] for result in results] == [
            (r.key, r.data) for r in sent
        ]
        assert len(stored) == 42

    def test_sequence_numbers_of_a_shard_go_up(self, client, stream, publisher):
        publisher.put_records(stream, records(30, key="one"))
        publisher.put_records(stream, records(30, key="one"))
        (numbers,) = [[int(number) for number, _, _ in rows] for rows in read_back(client, stream).values() if rows]
        assert numbers == sorted(set(numbers))
        assert len(numbers) == 60

    def test_md5_of_the_key_names_the_shard(self, client, stream, publisher):
        ranges = {
            shard["ShardId"]: range(
                int(shard["HashKeyRange"]["StartingHashKey"]), int(shard["HashKeyRange"]["EndingHashKey"]) + 1
            )
            for shard in client.list_shards(StreamName=stream)["Shards"]
        }
        sent = records(50)
        results = publisher.put_records(stream, sent)
        for record, result in zip(sent, results, strict=True):
            assert int(hashlib.md5(record.key.encode()).hexdigest(), 16) in ranges[result.shard_id]
        assert len({result.shard_id for result in results}) == 3

    def test_request_of_five_hundred_records_is_accepted(self, stream, publisher):
        assert len(publisher.put_records(stream, records(500))) == 500

    def test_request_of_more_than_five_hundred_records_is_invalid(self, stream, publisher):
        with pytest.raises(InvalidRequest):
            publisher.put_records(stream, records(501))

    def test_record_over_the_limit_is_invalid(self, stream, publisher):
        with pytest.raises(InvalidRequest):
            publisher.put_records(stream, [*records(2), Record(3, 1, "k", b"x" * (DEFAULT_RECORD_BYTES + 1))])

    def test_stream_that_is_not_there_is_refused(self, publisher):
        with pytest.raises(Refused) as refused:
            publisher.put_records("nowhere", records(1))
        assert refused.value.code == "ResourceNotFoundException"

    def test_stream_is_described(self, stream, publisher):
        description = publisher.describe(stream)
        assert description.open_shards == 3
        assert description.status == "ACTIVE"
        assert description.max_record_bytes == DEFAULT_RECORD_BYTES
