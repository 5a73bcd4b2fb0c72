"""Packed records while a stream is resharded by an emulator that keeps shards as AWS does: npm `kinesis-local`."""

import contextlib
import os
import shutil
import subprocess
import time
from collections import Counter

import pytest
from botocore.config import Config
from botocore.session import get_session

from tests.delivery.test_packed_sending import ONE_AT_A_TIME, in_order_per_key, rows, telemetry
from tests.delivery.test_stream_sender import sending
from tests.fakes.stream_queue import MemoryQueue, eventually
from tests.harness.consumers import hash_of, unpacked
from tests.harness.network import free_port
from tests.kinesis.conftest import publisher_for
from tests.kinesis.packing.test_kpl_aggregation import MODULES

INSTALL = "the tests need Node and npm's kinesis-local: `make test` installs them"


@pytest.fixture(scope="module")
def url():
    node, package = shutil.which("node") or shutil.which("nodejs"), MODULES / "kinesis-local"
    assert node, INSTALL
    assert package.is_dir(), INSTALL
    port, tls_port = free_port(), free_port()
    settings = {
        "KINESIS_MOCK_PLAIN_PORT": str(port),
        "KINESIS_MOCK_TLS_PORT": str(tls_port),
        "KINESIS_MOCK_CERT_PATH": str(package / "server.json"),
        "AWS_REGION": "us-east-1",
        "LOG_LEVEL": "ERROR",
        **{
            f"{what}_DURATION": "20ms"
            for what in ("CREATE_STREAM", "SPLIT_SHARD", "MERGE_SHARDS", "UPDATE_SHARD_COUNT")
        },
    }
    with subprocess.Popen([node, package / "main.js"], env=os.environ | settings, stdout=subprocess.DEVNULL) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


@pytest.fixture
def client(url):
    session = get_session()
    session.set_credentials("A", "B")
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=10)
    made = session.create_client("kinesis", region_name="us-east-1", endpoint_url=url, config=config)
    assert eventually(lambda: answers(made), secs=60), "kinesis-local does not start"
    return made


def answers(client):
    with contextlib.suppress(Exception):
        client.list_streams()
        return True
    return False


def active(client, stream):
    return client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE"


def kcl(client, stream):
    """[(key, data)], as a consumer on the KCL finds them: parents before their children, see `consumers.kcl`."""
    found = []
    for shard in client.list_shards(StreamName=stream)["Shards"]:
        hashes = shard["HashKeyRange"]
        first, last = int(hashes["StartingHashKey"]), int(hashes["EndingHashKey"])
        start = client.get_shard_iterator(StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
        for record in client.get_records(ShardIterator=start["ShardIterator"], Limit=10_000)["Records"]:
            records = unpacked(record["PartitionKey"], record["Data"])
            if len(records) == 1 or all(first <= hash_of(key) <= last for key, _ in records):
                found += records
    return found


@pytest.mark.parametrize(("shards", "then"), [(1, 2), (4, 2)])
def test_through_resharding_every_record_is_found(url, client, shards, then):
    stream = f"from-{shards}-to-{then}"
    client.create_stream(StreamName=stream, ShardCount=shards)
    assert eventually(lambda: active(client, stream), secs=30)
    publisher = publisher_for(url)
    queue = MemoryQueue(f"{stream} packing=kpl order=strict", telemetry(400))
    with sending(queue, publisher, ONE_AT_A_TIME):
        assert queue.wait_settled(400, secs=30)
        client.update_shard_count(StreamName=stream, TargetShardCount=then, ScalingType="UNIFORM_SCALING")
        deadline = time.monotonic() + 30
        while not active(client, stream) and time.monotonic() < deadline:
            time.sleep(0.05)
        queue.put(*telemetry(400, first=401))
        assert queue.wait_settled(800, secs=30)
    publisher.close()
    found = kcl(client, stream)
    assert Counter(found) == Counter(rows(telemetry(800)))
    assert in_order_per_key(found)
