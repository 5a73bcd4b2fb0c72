import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest

from bridge.errors import Refused
from tests.fakes.kinesis import KinesisStandIn
from tests.fakes.kinesis_faults import Script
from tests.fakes.kinesis_streams import Stream
from tests.fakes.stream_queue import records
from tests.kinesis.conftest import publisher_for


def entries(count, key="k", data="eA=="):
    return [{"Data": data, "PartitionKey": key}] * count


def test_shard_accepts_a_thousand_records_a_second():
    now = [0.0]
    stream = Stream("s", 1, limited=True, clock=lambda: now[0])
    failed = [orjson.loads(stream.put(entries(500), Script()))["FailedRecordCount"] for _ in range(3)]
    assert failed == [0, 0, 500]
    now[0] = 0.1
    assert orjson.loads(stream.put(entries(500), Script()))["FailedRecordCount"] == 400


def test_shard_accepts_a_mebibyte_a_second():
    now = [0.0]
    stream = Stream("s", 1, limited=True, clock=lambda: now[0])
    large = "eHh4" * (100 * 1024 // 3)
    assert orjson.loads(stream.put(entries(12, data=large), Script()))["FailedRecordCount"] == 2


def test_payload_units_are_counted_in_steps_of_25_kib():
    stream = Stream("s", 1)
    stream.put([*entries(1), *entries(1, data="eHh4" * 9000)], Script())
    assert stream.counters()["units"] == 3


def test_kinesis_as_a_process_forgets_counts_and_can_be_made_to_fail():
    command = [sys.executable, "-m", "tests.fakes.kinesis", "--streams", "a:2,b", "--forget"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            url = f"http://127.0.0.1:{int(process.stdout.readline())}"
            publisher = publisher_for(url)
            assert len(publisher.put_records("a", records(10))) == 10
            order = {"records": {"stream": "a", "records": 3}}
            urllib.request.urlopen(f"{url}/control", data=orjson.dumps(order)).close()
            publisher.put_records("a", records(10))
            with urllib.request.urlopen(f"{url}/counters") as answer:
                counted = orjson.loads(answer.read())
        finally:
            process.terminate()
    assert (counted["a"]["requests"], counted["a"]["records"], counted["a"]["throttled"]) == (2, 17, 3)
    assert counted["b"]["records"] == 0


def test_fault_of_no_known_kind_is_refused():
    with KinesisStandIn() as kinesis, pytest.raises(ValueError, match="one of"):
        kinesis.fault("explode")


def test_signature_with_a_wrong_time_is_refused():
    with KinesisStandIn({"s": 1}) as kinesis:
        publisher = publisher_for(kinesis.url)
        kinesis.max_skew_secs = 300
        assert len(publisher.put_records("s", records(1))) == 1
        kinesis.max_skew_secs = -1
        with pytest.raises(Refused, match="InvalidSignatureException"):
            publisher.put_records("s", records(1))


def test_records_are_read_once_in_order_over_a_reshard():
    with KinesisStandIn({"s": 1}) as kinesis:
        stream = kinesis.streams["s"]
        for place in range(20):
            if place == 10:
                stream.split(0)
            stream.put(entries(1, key=str(place)), kinesis.script)
        assert [[stored.key for stored in taken] for taken in kinesis.take([stream])] == [[str(n) for n in range(20)]]
        assert kinesis.take([stream]) == [[]]


def test_kinesis_with_a_latency_answers_late_and_in_parallel():
    with KinesisStandIn({"s": 1}, forget=True, latency_secs=0.2) as kinesis, ThreadPoolExecutor(3) as pool:
        publisher = publisher_for(kinesis.url)
        began = time.monotonic()
        results = list(pool.map(lambda _: publisher.put_records("s", records(2)), range(3)))
        assert time.monotonic() - began >= 0.2
        assert [len(each) for each in results] == [2, 2, 2]
        assert kinesis.counters()["s"]["most_in_flight"] == 3


def test_stand_in_latency_of_a_range_is_drawn_by_its_seed():
    with KinesisStandIn(latency_secs=(0.1, 0.2)) as one, KinesisStandIn(latency_secs=(0.1, 0.2)) as same:
        drawn = [one.draw_latency() for _ in range(20)]
        assert drawn == [same.draw_latency() for _ in range(20)]
    assert all(0.1 <= secs <= 0.2 for secs in drawn)
    assert len(set(drawn)) == 20
