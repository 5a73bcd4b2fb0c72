import os
import socket
import sys
import threading
import urllib.request

import botocore.session
import pytest

from bridge.aws.credentials import Authentication
from bridge.errors import BridgeError
from bridge.kinesis.local_stream_reader import LocalStreamReader
from bridge.kinesis.publisher import PublisherSettings
from bridge.tools.demo.local_kinesis import REGION, LocalKinesis, isolated_environment

TOKEN = {"access_key_id": "demo", "secret_access_key": "demo"}


@pytest.fixture
def kinesis():
    with isolated_environment():
        started = LocalKinesis()
        yield started
        started.stop()


@pytest.fixture
def reader(kinesis):
    made = LocalStreamReader(PublisherSettings(REGION, Authentication("token", TOKEN), endpoint_url=kinesis.url))
    made.create({"s": 2})
    return made


@pytest.fixture
def put(kinesis, reader):
    session = botocore.session.get_session()
    session.set_credentials("demo", "demo")
    client = session.create_client("kinesis", region_name=REGION, endpoint_url=kinesis.url)

    def put(*keys):
        records = [{"Data": key.encode(), "PartitionKey": key} for key in keys]
        assert client.put_records(StreamName="s", Records=records)["FailedRecordCount"] == 0

    return put


def keys(count, start=0):
    return [f"key-{number}" for number in range(start, start + count)]


def test_record_that_was_put_is_read_once(put, reader):
    put(*keys(30))
    assert sorted(record.key for record in reader.read("s")) == sorted(keys(30))
    assert list(reader.read("s")) == []


def test_records_that_were_read_are_removed_and_later_ones_stay(kinesis, put, reader):
    last = {}
    for start in (0, 100, 200):
        put(*keys(100, start))
        read = list(reader.read("s"))
        assert sorted(record.key for record in read) == sorted(keys(100, start))
        last.update({(record.stream, record.shard): record.sequence_number for record in read})
        kinesis.forget(last)
        shards = kinesis._backends[0].streams["s"].shards.values()
        assert [len(shard.records) for shard in shards] == [1, 1]
    assert list(reader.read("s")) == []


def test_metrics_of_local_kinesis_do_not_grow(kinesis, put):
    put(*keys(5))
    assert kinesis._backends[1].metric_data
    kinesis.forget({})
    assert not kinesis._backends[1].metric_data


def test_requests_are_answered_one_at_a_time(kinesis):
    working, most, pause = [0], [0], threading.Event()

    def answer(_environ, start_response):
        working[0] += 1
        most[0] = max(most[0], working[0])
        pause.wait(0.05)
        working[0] -= 1
        start_response("200 OK", [])
        return [b""]

    kinesis._answer = answer
    clients = [threading.Thread(target=lambda: urllib.request.urlopen(kinesis.url).close()) for _ in range(4)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert most == [1]


def test_request_that_is_cut_off_logs_no_payload(kinesis, caplog):
    host, port = "127.0.0.1", int(kinesis.url.rpartition(":")[2])
    kinesis.reachable = False
    body = b"QUJD" * 10_000
    with socket.create_connection((host, port), timeout=10) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert client.recv(1) == b""
    for each in threading.enumerate():
        if "process_request" in each.name:
            each.join(10)
    assert "QUJD" not in caplog.text


def test_local_kinesis_starts_empty(reader):
    with isolated_environment():
        other = LocalKinesis()
        assert not other._backends[0].streams
        other.stop()


def test_local_kinesis_without_moto_reports_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "moto.moto_server", None)
    with pytest.raises(BridgeError, match=r"pip install 'mqtt-kinesis\[demo\]'"):
        LocalKinesis()


def test_settings_for_the_real_aws_are_out_of_the_way_and_come_back(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "plant")
    monkeypatch.setenv("NO_PROXY", "intranet")
    before = dict(os.environ)
    with isolated_environment():
        assert "AWS_PROFILE" not in os.environ
        assert os.environ["AWS_CONFIG_FILE"] == os.devnull
        assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == "127.0.0.1"
    assert dict(os.environ) == before
