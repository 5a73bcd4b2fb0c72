"""Packed records that are sent to a stand-in of Kinesis, and read back as a consumer reads them."""

import json
from collections import Counter

import pytest

from bridge.delivery.settings import SenderSettings
from bridge.model import DEFAULT_RECORD_BYTES, SPREAD_KEY_BYTES, BatchingOptions, Record, spread_key
from tests.delivery.test_stream_sender import QUICK, numbers, sending
from tests.fakes.stream_queue import MemoryQueue, eventually
from tests.harness.consumers import kcl, lines, repeated

ONE_AT_A_TIME = SenderSettings(1, 0.01, record_backoff=QUICK.record_backoff, request_backoff=QUICK.request_backoff)


def telemetry(count, *, machines=40, first=1):
    numbers_ = range(first, first + count)
    return [Record(n, 1, f"press{n % machines}", json.dumps({"n": n}).encode()) for n in numbers_]


def rows(records):
    return [(record.key, record.data) for record in records]


def in_order_per_key(found):
    """Return whether the records of each key are in order, ignoring duplicates."""
    last = {}
    for key, data in dict.fromkeys(found):
        number = json.loads(data)["n"]
        if number < last.get(key, 0):
            return False
        last[key] = number
    return True


def test_kpl_records_arrive_on_the_shard_of_their_key(kinesis, publisher):
    kinesis.create("packed", 5)
    queue = MemoryQueue("packed packing=kpl", telemetry(3000))
    with sending(queue, publisher, ONE_AT_A_TIME):
        assert queue.wait_settled(3000)
    stream = kinesis.streams["packed"]
    found = kcl(stream)
    assert Counter(found) == Counter(rows(telemetry(3000)))
    assert in_order_per_key(found)
    assert stream.counters()["records"] < 200
    assert numbers(queue.delivered) == list(range(1, 3001))


def test_packed_records_do_not_exceed_the_max_size(kinesis, publisher):
    queue = MemoryQueue("telemetry packing=kpl", telemetry(20_000))
    queue.tuning = BatchingOptions(max_record_bytes=2048)
    with sending(queue, publisher):
        assert queue.wait_settled(20_000, secs=60)
    sizes = [len(stored.data) + len(stored.key) for stored in kinesis.streams["telemetry"].stored]
    assert max(sizes) <= 2048
    assert len(sizes) < 20_000 / 10


def test_record_larger_than_a_packed_one_goes_as_it_is(kinesis, publisher):
    large = Record(3, 1, "press1", b"x" * 60_000)
    queue = MemoryQueue("archive packing=kpl", [*telemetry(2), large])
    with sending(queue, publisher):
        assert queue.wait_settled(3)
    assert (large.key, large.data) in kcl(kinesis.streams["archive"])


def test_split_costs_at_most_a_repetition(kinesis, publisher):
    queue = MemoryQueue("telemetry packing=kpl", telemetry(500))
    with sending(queue, publisher, ONE_AT_A_TIME) as sender:
        assert queue.wait_settled(500)
        kinesis.streams["telemetry"].split(0)
        queue.put(*telemetry(1500, first=501))
        assert queue.wait_settled(2000)
        status = sender.status()
    found = kcl(kinesis.streams["telemetry"])
    assert Counter(found) == Counter(rows(telemetry(2000)))
    # The number of records that are sent again depends on the size of the request after the split.
    assert (status.delivered, numbers(queue.delivered)) == (2000, list(range(1, 2001)))
    assert kinesis.operations["ListShards", "telemetry"] == 2


def test_merge_of_shards_causes_no_repeated_sends(kinesis, publisher):
    queue = MemoryQueue("telemetry packing=kpl", telemetry(500))
    with sending(queue, publisher, ONE_AT_A_TIME) as sender:
        assert queue.wait_settled(500)
        kinesis.streams["telemetry"].merge(0, 1)
        queue.put(*telemetry(500, first=501))
        assert queue.wait_settled(1000)
        assert (sender.status().resent, sender.status().delivered) == (0, 1000)
    found = kcl(kinesis.streams["telemetry"])
    assert (set(found), repeated(found)) == (set(rows(telemetry(1000))), 0)


def test_misplaced_records_are_kept_while_shards_are_unknown(kinesis, publisher):
    queue = MemoryQueue("telemetry packing=kpl", telemetry(500))
    with sending(queue, publisher, ONE_AT_A_TIME) as sender:
        assert queue.wait_settled(500)
        kinesis.fault("error", operation="ListShards", code="LimitExceededException", status=400)
        kinesis.streams["telemetry"].split(1)
        queue.put(*telemetry(500, first=501))
        assert eventually(lambda: sender.status().waiting > 0)
        assert sender.status().resent == 0
        kinesis.clear()
        assert queue.wait_settled(1000)
    assert set(kcl(kinesis.streams["telemetry"])) == set(rows(telemetry(1000)))


@pytest.mark.parametrize("code", ["AccessDeniedException", "LimitExceededException"])
def test_records_without_known_shards_are_packed_by_key(kinesis, publisher, code):
    kinesis.fault("error", operation="ListShards", code=code, status=400)
    queue = MemoryQueue("telemetry packing=kpl", telemetry(2000))
    with sending(queue, publisher, ONE_AT_A_TIME):
        assert queue.wait_settled(2000)
    stream = kinesis.streams["telemetry"]
    found = kcl(stream)
    assert Counter(found) == Counter(rows(telemetry(2000)))
    assert in_order_per_key(found)
    assert stream.counters()["records"] < 400


def test_packed_records_that_fail_are_packed_again(kinesis, publisher):
    kinesis.fail_records("telemetry", share=0.5, records=20)
    kinesis.fail_records("telemetry", share=0.5, records=10, code="InternalFailure")
    queue = MemoryQueue("telemetry packing=kpl", telemetry(3000))
    queue.tuning = BatchingOptions(max_record_bytes=1024)
    with sending(queue, publisher) as sender:
        assert queue.wait_settled(3000)
        status = sender.status()
    assert Counter(kcl(kinesis.streams["telemetry"])) == Counter(rows(telemetry(3000)))
    assert status.throttled == 20
    assert status.retried > 20
    assert (status.waiting, status.duplicates_possible) == (0, 0)


@pytest.mark.parametrize("packing", ["kpl", "lines"])
def test_poison_record_is_found_among_those_packed_with_it(kinesis, publisher, packing):
    kinesis.streams["telemetry"].poison_data = b'{"n": 77}'
    queue = MemoryQueue(f"telemetry packing={packing}", telemetry(300))
    with sending(queue, publisher):
        assert queue.wait_settled(300)
    assert [(record.number, code) for record, code, _ in queue.rejected] == [(77, "invalid")]
    assert numbers(queue.delivered) == [n for n in range(1, 301) if n != 77]


def test_records_without_a_key_share_one_and_reach_all_shards(kinesis, publisher):
    kinesis.create("packed", 4)
    queue = MemoryQueue("packed packing=kpl keys=spread", telemetry(8000))
    queue.tuning = BatchingOptions(max_record_bytes=4096)
    with sending(queue, publisher):
        assert queue.wait_settled(8000)
    stream = kinesis.streams["packed"]
    assert Counter(data for _, data in kcl(stream)) == Counter(record.data for record in telemetry(8000))
    assert min(shard["records"] for shard in stream.counters()["shards"]) > 0


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
@pytest.mark.parametrize("keys", ["own", "spread"])
def test_lines_are_read_plainly(kinesis, publisher, compression, keys):
    queue = MemoryQueue(f"telemetry packing=lines compression={compression} keys={keys}", telemetry(2000))
    with sending(queue, publisher):
        assert queue.wait_settled(2000)
    stream = kinesis.streams["telemetry"]
    found = [json.loads(line)["n"] for line in lines(stream, compression)]
    assert sorted(found) == list(range(1, 2001))
    assert stream.counters()["records"] < 300


def test_lines_of_a_key_are_together_and_in_order(kinesis, publisher):
    queue = MemoryQueue("telemetry packing=lines", telemetry(2000))
    with sending(queue, publisher, ONE_AT_A_TIME):
        assert queue.wait_settled(2000)
    by_key = {}
    for stored in kinesis.streams["telemetry"].stored:
        by_key.setdefault(stored.key, []).extend(json.loads(line)["n"] for line in stored.data.splitlines())
    assert len(by_key) == 40
    assert all(found == sorted(found) for found in by_key.values())


def test_records_of_many_keys_need_several_requests(kinesis, publisher):
    queue = MemoryQueue("archive packing=lines", telemetry(900, machines=900))
    with sending(queue, publisher):
        assert queue.wait_settled(900)
    assert kinesis.streams["archive"].requests >= 2
    assert sorted(json.loads(line)["n"] for line in lines(kinesis.streams["archive"])) == list(range(1, 901))


@pytest.mark.parametrize("keys", ["own", "spread"])
def test_lines_of_records_larger_than_a_packed_one_end_with_newlines(kinesis, publisher, keys):
    texts = [json.dumps("x" * (size - 2)).encode() for size in (10, 25_000, 25_600, 30_000, 200_000, 10)]
    records = [Record(n, 1, "k", text) for n, text in enumerate(texts, 1)]
    queue = MemoryQueue(f"telemetry packing=lines keys={keys}", records)
    with sending(queue, publisher):
        assert queue.wait_settled(len(records))
    joined = b"".join(stored.data for stored in kinesis.streams["telemetry"].stored)
    assert sorted(joined.splitlines(keepends=True)) == sorted(text + b"\n" for text in texts)


@pytest.mark.parametrize("packing", ["lines", "kpl"])
def test_spread_record_as_large_as_the_stream_accepts_is_delivered(kinesis, publisher, packing):
    largest = DEFAULT_RECORD_BYTES - SPREAD_KEY_BYTES
    texts = [json.dumps("x" * (size - 2)).encode() for size in (largest, largest - 1)]
    numbered = enumerate(texts, 10**15)
    records = [Record(number, 1, spread_key(number, len(text)), text) for number, text in numbered]
    queue = MemoryQueue(f"telemetry packing={packing} keys=spread", records)
    with sending(queue, publisher):
        assert queue.wait_settled(len(records))
    assert queue.rejected == []
    stored = sorted((each.data for each in kinesis.streams["telemetry"].stored), key=len)
    # The stream's limit leaves no room for the newline of the larger record.
    assert stored == sorted([texts[0], texts[1] + b"\n"] if packing == "lines" else texts, key=len)
