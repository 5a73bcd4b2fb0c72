import contextlib
import logging
import threading
import time
from collections import Counter

import pytest

from bridge.backoff import Backoff
from bridge.delivery.sender_pools import SenderPools
from bridge.delivery.settings import SenderSettings
from bridge.errors import SpoolWriteError
from bridge.kinesis.publisher import StreamDescription
from bridge.kinesis.put_records_codec import RecordAccepted
from bridge.model import DEFAULT_RECORD_BYTES, MAX_RECORD_BYTES, Record
from tests.fakes.stream_queue import MemoryQueue, eventually, records
from tests.kinesis.conftest import publisher_for

QUICK = SenderSettings(
    requests_in_flight=2,
    linger_secs=0.01,
    refused_retry_secs=0.1,
    record_backoff=Backoff(0.01, 0.05),
    request_backoff=Backoff(0.02, 0.1),
)


@contextlib.contextmanager
def sending(queue, publisher, settings=QUICK):
    threads = []

    def start(name, body):
        thread = threading.Thread(target=body, name=name)
        thread.start()
        threads.append(thread)

    pools = SenderPools(publisher, settings, start)
    pools.add(queue)
    sender = pools.senders[queue.stream]
    sender.pools = pools
    try:
        yield sender
    finally:
        pools.stop()
        queue.close()
        for thread in threads:
            thread.join(5)
        assert not any(thread.is_alive() for thread in threads)


def stored_numbers(kinesis, stream="telemetry"):
    return Counter(int(stored.key.removeprefix("machine-")) for stored in kinesis.streams[stream].stored)


def numbers(settled):
    return sorted(record.number for record in settled)


def test_sender_without_faults_delivers_each_record_once(kinesis, publisher):
    queue = MemoryQueue("telemetry", records(1200))
    with sending(queue, publisher) as sender:
        assert queue.wait_settled(1200)
        status = sender.status()
    assert stored_numbers(kinesis) == Counter(range(1, 1201))
    assert numbers(queue.delivered) == list(range(1, 1201))
    assert (status.state, status.delivered, status.retried, status.waiting) == ("ok", 1200, 0, 0)


def test_records_that_come_together_go_together(kinesis, publisher):
    queue = MemoryQueue("telemetry")
    with sending(queue, publisher, SenderSettings(linger_secs=2.0)):
        for record in records(10):
            queue.put(record)
            time.sleep(0.005)
        assert queue.wait_settled(10)
    assert kinesis.streams["telemetry"].requests == 1


def test_records_that_failed_are_the_only_ones_sent_again(kinesis, publisher):
    kinesis.fail_records("telemetry", share=0.3, records=100)
    queue = MemoryQueue("telemetry", records(400))
    with sending(queue, publisher) as sender:
        assert queue.wait_settled(400)
        status = sender.status()
    assert stored_numbers(kinesis) == Counter(range(1, 401))
    assert (status.throttled, status.retried, status.duplicates_possible) == (100, 100, 0)


def test_throttled_shard_loses_nothing_and_the_other_flows(kinesis, publisher):
    kinesis.fail_records("telemetry", shard=0)
    queue = MemoryQueue("telemetry", records(100))
    bound_elsewhere = [r for r in records(100) if kinesis.streams["telemetry"].shard_of(r.key).number == 1]
    with sending(queue, publisher) as sender:
        assert queue.wait_settled(len(bound_elsewhere))
        assert eventually(lambda: sender.status().state == "retrying")
        kinesis.clear()
        assert queue.wait_settled(100)
        assert eventually(lambda: sender.status().state == "ok")
    assert stored_numbers(kinesis) == Counter(range(1, 101))


@pytest.mark.parametrize("code", ["InternalFailureException", "ServiceUnavailable", "KMSThrottlingException"])
def test_complete_request_that_fails_is_sent_again(kinesis, publisher, code):
    kinesis.fault("error", requests=3, code=code, status=400 if code.startswith("KMS") else 500)
    queue = MemoryQueue("telemetry", records(50))
    with sending(queue, publisher) as sender:
        assert queue.wait_settled(50)
        assert sender.status().failed_requests == 3
    assert stored_numbers(kinesis) == Counter(range(1, 51))


@pytest.mark.parametrize("kind", ["hang", "reset", "truncate", "malformed", "short"])
def test_request_without_a_good_answer_is_sent_again_and_counted(kinesis, impatient, kind):
    kinesis.fault(kind, requests=1)
    queue = MemoryQueue("telemetry", records(20))
    with sending(queue, impatient) as sender:
        assert queue.wait_settled(20)
        assert sender.status().duplicates_possible >= 20
    assert set(stored_numbers(kinesis)) == set(range(1, 21))
    assert numbers(queue.delivered) == list(range(1, 21))


def test_probes_are_single_while_all_requests_fail(kinesis, publisher):
    queue = MemoryQueue("telemetry", records(2000))
    kinesis.fault("error", code="ServiceUnavailable", status=503, secs=0.02)
    with sending(queue, publisher, SenderSettings(requests_in_flight=4, request_backoff=Backoff(0.01, 0.02))) as sender:
        assert eventually(lambda: sender.status().failed_requests > 8)
        status = sender.status()  # only one call, because records move from waiting to in flight between two calls
        assert status.in_flight_requests <= 1
        assert status.waiting + status.in_flight_records <= 2000
        kinesis.clear()
        assert queue.wait_settled(2000)


def test_denied_stream_reports_what_to_do_once_and_recovers_by_itself(kinesis, publisher, caplog):
    caplog.set_level(logging.INFO, "bridge.delivery")
    kinesis.fault("error", code="AccessDeniedException", status=400)
    queue = MemoryQueue("telemetry", records(5))
    with sending(queue, publisher) as sender:
        assert eventually(lambda: sender.status().failed_requests >= 3)
        status = sender.status()
        assert status.state == "refused"
        assert "kinesis:PutRecords on stream telemetry" in status.hint
        assert not queue.delivered
        kinesis.clear()
        assert queue.wait_settled(5)
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


def test_failure_of_a_stream_does_not_affect_other_streams(kinesis, impatient):
    kinesis.fault("hang", stream="archive")
    kinesis.fail_records("archive")
    stuck, free = MemoryQueue("archive", records(50)), MemoryQueue("telemetry", records(1000))
    with sending(stuck, impatient), sending(free, impatient):
        assert free.wait_settled(1000, secs=20)
    assert not stuck.delivered


def test_poison_record_is_found_and_rejected_alone(kinesis, publisher):
    kinesis.streams["telemetry"].poison_keys |= {"machine-37", "machine-90"}
    queue = MemoryQueue("telemetry", records(100))
    with sending(queue, publisher):
        assert queue.wait_settled(100)
    assert sorted((record.number, code) for record, code, _ in queue.rejected) == [(37, "invalid"), (90, "invalid")]
    assert stored_numbers(kinesis) == Counter(set(range(1, 101)) - {37, 90})


def test_streams_limit_is_reported_to_the_queue_and_stored(kinesis, publisher):
    kinesis.create("big", 1, max_record_kib=2048)
    fits, too_large = Record(1, 1, "k", b"x" * (DEFAULT_RECORD_BYTES + 5)), Record(2, 1, "k", b"x" * 2**21)
    queue = MemoryQueue("big", [fits, too_large])
    with sending(queue, publisher):
        assert queue.wait_settled(2)
    assert queue.max_record_bytes == 2**21
    assert (queue.delivered, [r for r, _, _ in queue.rejected]) == ([fits], [too_large])


def test_records_flow_while_the_limit_cannot_be_requested(kinesis, publisher):
    kinesis.fault("error", operation="DescribeStreamSummary", code="LimitExceededException", status=400)
    queue = MemoryQueue("telemetry", records(10))
    with sending(queue, publisher):
        assert queue.wait_settled(10)
    assert queue.max_record_bytes is None


def test_request_is_not_overfilled_by_ten_large_records(kinesis):
    kinesis.create("big", 1, max_record_kib=10 * 1024)
    queue = MemoryQueue("big", records(8, data=b"x" * 3_000_000))
    patient = publisher_for(kinesis.url)
    with sending(queue, patient, SenderSettings(requests_in_flight=1, linger_secs=0.0)):
        assert queue.wait_settled(8)
    patient.close()
    assert len(kinesis.streams["big"].stored) == 8


def test_stop_is_prompt_during_a_back_off(kinesis, publisher):
    kinesis.fault("error", code="ServiceUnavailable", status=503)
    queue = MemoryQueue("telemetry", records(5))
    slow = SenderSettings(request_backoff=Backoff(60.0, 60.0))
    with sending(queue, publisher, slow) as sender:
        assert eventually(lambda: sender.status().state == "retrying")
        started = time.monotonic()
    assert time.monotonic() - started < 30


def test_stop_is_prompt_when_idle_and_sends_nothing_more(kinesis, publisher):
    queue = MemoryQueue("telemetry")
    with sending(queue, publisher) as sender:
        time.sleep(0.05)
        started = time.monotonic()
        sender.pools.stop()
        queue.put(*records(5))
    assert time.monotonic() - started < 30
    assert not kinesis.streams["telemetry"].stored


def test_closed_queue_is_not_requested_in_a_busy_loop(kinesis, publisher):
    queue, asked = MemoryQueue("telemetry"), []
    take_batch = queue.take_batch
    queue.take_batch = lambda *how: (asked.append(how), take_batch(*how))[1]
    queue.close()
    with sending(queue, publisher):
        time.sleep(0.2)
    assert len(asked) < 10


def test_failed_records_are_retried_while_the_queue_cannot_be_read(kinesis, publisher):
    kinesis.fail_records("telemetry", records=3)
    queue = MemoryQueue("telemetry", records(5))
    take_batch, broken = queue.take_batch, []

    def unreadable(*how):
        if queue.delivered:
            broken.append(how)
            raise SpoolWriteError("the disk does not answer")
        return take_batch(*how)

    queue.take_batch = unreadable
    with sending(queue, publisher):
        assert queue.wait_settled(5)
        queue.put(Record(6, 1, "machine-6", b""))
        assert eventually(lambda: broken)
    assert stored_numbers(kinesis) == Counter(range(1, 6))


class Slow:
    """Transport whose requests end when `go` is set."""

    def __init__(self):
        self.go, self.started = threading.Event(), []

    def put_records(self, stream, records):
        self.started.append(len(records))
        self.go.wait(5)
        return [RecordAccepted(str(record.number), "shardId-0") for record in records]

    def describe(self, stream):
        return StreamDescription(max_record_bytes=MAX_RECORD_BYTES)

    def endpoint(self, stream):
        return "here"


def test_requests_in_flight_reach_the_setting_and_no_more_is_collected():
    slow, queue = Slow(), MemoryQueue("telemetry", records(2500))
    with sending(queue, slow, SenderSettings(requests_in_flight=3, linger_secs=0.0)) as sender:
        assert eventually(lambda: len(slow.started) == 3)
        assert sender.status().in_flight_requests == 3
        assert sender.status().in_flight_records == sum(slow.started)
        slow.go.set()
        assert queue.wait_settled(2500)


class Far:
    """Transport with a latency of 50 ms. `most` is the highest number of requests that were in flight at once."""

    def __init__(self):
        self.changing, self.under_way, self.most = threading.Lock(), 0, 0

    def put_records(self, stream, records):
        self._count(1)
        time.sleep(0.05)
        self._count(-1)
        return [RecordAccepted(str(record.number), "shardId-0") for record in records]

    def _count(self, change):
        with self.changing:
            self.under_way += change
            self.most = max(self.most, self.under_way)

    def describe(self, stream):
        return StreamDescription(max_record_bytes=MAX_RECORD_BYTES)

    def endpoint(self, stream):
        return "here"


def test_pool_with_a_distant_endpoint_adds_requests_and_threads():
    far, queue = Far(), MemoryQueue("telemetry", records(30_000))
    settings = SenderSettings(requests_in_flight=6, linger_secs=0.0)
    with sending(queue, far, settings):
        assert queue.wait_settled(30_000, secs=30)
    assert far.most == 6
    assert numbers(queue.delivered) == list(range(1, 30_001))


def test_throttled_records_are_sent_when_the_shard_has_room_again(kinesis, publisher):
    now = [0.0]
    kinesis.create("hot", 1, limited=True, clock=lambda: now[0])
    queue = MemoryQueue("hot", records(1300))
    with sending(queue, publisher) as sender:
        assert eventually(lambda: sender.status().throttled >= 300)
        assert len(queue.delivered) == 1000
        now[0] = 1.0
        assert queue.wait_settled(1300)
    assert stored_numbers(kinesis, "hot") == Counter(range(1, 1301))
