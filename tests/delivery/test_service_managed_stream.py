"""Streams that choose the shard of each record themselves, read by a KCL consumer."""

import logging
from collections import Counter

import pytest

from bridge.delivery import record_size_limit
from tests.delivery.test_packed_sending import ONE_AT_A_TIME, rows, telemetry
from tests.delivery.test_stream_sender import sending
from tests.fakes.stream_queue import MemoryQueue, eventually
from tests.harness.consumers import kcl, lines, unpacked


@pytest.fixture
def stream(kinesis):
    return kinesis.create("auto", 4)


def aggregated(stream):
    """Return the number of aggregated records in the stream."""
    return sum(len(unpacked(stored.key, stored.data)) > 1 for stored in stream.stored)


@pytest.mark.parametrize("options", ["packing=kpl", "packing=kpl order=strict", "packing=kpl keys=spread"])
@pytest.mark.parametrize("denied", ["", "ListShards"])
def test_records_of_a_service_managed_stream_are_not_aggregated(kinesis, publisher, stream, caplog, options, denied):
    stream.place_by_service()
    if denied:
        kinesis.fault("error", operation=denied, code="AccessDeniedException", status=400)
    queue = MemoryQueue(f"auto {options}", telemetry(500))
    with sending(queue, publisher) as sender:
        assert queue.wait_settled(500)
        assert (sender.status().resent, sender.status().delivered) == (0, 500)
    assert aggregated(stream) == 0
    assert Counter(data for _, data in kcl(stream)) == Counter(record.data for record in telemetry(500))
    assert "AUTO" in caplog.text
    assert "kpl" in caplog.text


def test_lines_are_packed_all_the_same(kinesis, publisher, stream, caplog):
    stream.place_by_service()
    queue = MemoryQueue("auto packing=lines", telemetry(2000))
    with sending(queue, publisher):
        assert queue.wait_settled(2000)
    assert stream.counters()["records"] < 400
    assert len(lines(stream)) == 2000
    assert kinesis.operations["ListShards", "auto"] <= 1
    assert "kpl" not in caplog.text


@pytest.mark.parametrize("options", ["packing=kpl", "packing=kpl order=strict", "packing=kpl keys=spread"])
@pytest.mark.parametrize("machines", [1, 40])
@pytest.mark.parametrize("described", [True, False])
def test_stream_that_begins_to_place_records_itself_loses_nothing(
    kinesis, publisher, stream, monkeypatch, options, machines, described
):
    """The case with one key differs, because its aggregated records have no explicit hash key."""
    monkeypatch.setattr(record_size_limit, "MIN_INTERVAL_SECS", 0.1)
    if not described:
        kinesis.fault("error", operation="DescribeStreamSummary", code="AccessDeniedException", status=400)
    batches = [telemetry(200, machines=machines, first=first) for first in (1, 201, 401, 601)]
    queue = MemoryQueue(f"auto {options}", batches[0])
    with sending(queue, publisher, ONE_AT_A_TIME) as sender:
        assert queue.wait_settled(200)
        queue.put(*batches[1])  # where DescribeStreamSummary is not permitted, the first ones show the shards of keys,
        assert queue.wait_settled(400)  # and these that keys decide
        stream.place_by_service()
        queue.put(*batches[2])
        assert queue.wait_settled(600, secs=60)
        status = sender.status()
        before = aggregated(stream)
        queue.put(*batches[3])
        assert queue.wait_settled(800, secs=60)
    if not described and machines == 1:
        assert aggregated(stream) == 0, "one key does not prove that keys decide"
    elif "spread" not in options:  # with `spread`, the few records may be stored on the right shards by chance
        assert status.resent > 0
        assert aggregated(stream) == before, "it is known by now"
    found = {data for _, data in kcl(stream)}
    assert found == {record.data for batch in batches for record in batch}


def test_stream_that_goes_by_keys_again_is_packed_for_again(publisher, stream, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(record_size_limit, "MIN_INTERVAL_SECS", 0.0)
    monkeypatch.setattr(record_size_limit, "RECHECK_SECS", 0.0)
    stream.place_by_service()
    queue = MemoryQueue("auto packing=kpl", telemetry(100))
    with sending(queue, publisher, ONE_AT_A_TIME):
        assert queue.wait_settled(100)
        stream.place_by_service(False)
        assert eventually(lambda: "partition keys determine the shard" in caplog.text)
        queue.put(*telemetry(1000, first=101))
        assert queue.wait_settled(1100)
        queue.put(*telemetry(1000, first=1101))
        assert queue.wait_settled(2100)
    assert aggregated(stream) > 0
    assert Counter(kcl(stream)) == Counter(rows(telemetry(2100)))


def test_plain_records_go_as_ever_and_it_is_reported(publisher, stream, caplog):
    caplog.set_level(logging.WARNING)
    stream.place_by_service()
    queue = MemoryQueue("auto", telemetry(500))
    with sending(queue, publisher):
        assert queue.wait_settled(500)
    (told,) = [message for message in caplog.messages if "AUTO" in message]
    assert "stream auto places records itself" in told
    assert "kpl" not in told
