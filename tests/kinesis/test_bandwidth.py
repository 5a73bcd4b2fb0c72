import threading
import time

import pytest

from bridge.delivery.settings import SenderSettings
from bridge.kinesis.bandwidth import MAX_IDLE_SECS, BandwidthLimiter, on_wire
from bridge.model import Record
from tests.delivery.test_stream_sender import sending
from tests.fakes.stream_queue import MemoryQueue
from tests.kinesis.conftest import publisher_for


def test_requests_follow_one_another_at_the_rate():
    now = [100.0]
    uplink = BandwidthLimiter(1000, lambda: now[0])
    sent = 0
    while now[0] < 160.0:
        if uplink.wait_secs() == 0:
            uplink.sent(700)
            sent += on_wire(700)
        now[0] += 0.01
    assert 0.97 * 60_000 < sent < 62_000


def test_limiter_makes_up_for_a_late_request():
    """Simulate a busy machine, on which each wait of a thread takes too long."""
    now = [100.0]
    uplink = BandwidthLimiter(1000, lambda: now[0])
    sent = 0
    while now[0] < 160.0:
        now[0] += uplink.wait_secs() + 0.1
        uplink.sent(400)
        sent += on_wire(400)
    assert 0.97 * 60_000 < sent < 62_000


def test_link_that_was_idle_for_long_saves_no_more_than_a_short_time_up():
    now = [0.0]
    uplink = BandwidthLimiter(1000, lambda: now[0])
    now[0] = 3600.0
    uplink.sent(1000)
    assert uplink.wait_secs() == pytest.approx(on_wire(1000) / 1000 - MAX_IDLE_SECS)


def test_limiter_charges_a_reservation_and_corrects_it_when_sent():
    now = [0.0]
    uplink = BandwidthLimiter(1000, lambda: now[0])
    now[0] = 3600.0
    uplink.reserve(2800)
    assert uplink.wait_secs() == pytest.approx(4.0 - MAX_IDLE_SECS)
    uplink.sent(5000)
    assert uplink.wait_secs() == pytest.approx(on_wire(5000) / 1000 - MAX_IDLE_SECS)
    uplink.release()
    assert uplink.wait_secs() == pytest.approx(on_wire(5000) / 1000 - MAX_IDLE_SECS)


def test_limiter_releases_a_reservation_only_for_its_own_thread():
    now = [0.0]
    uplink = BandwidthLimiter(1000, lambda: now[0])
    uplink.reserve(2800)
    other = threading.Thread(target=uplink.release)
    other.start()
    other.join()
    assert uplink.wait_secs() == pytest.approx(4.0)
    uplink.release()
    assert uplink.wait_secs() == 0


def test_limiter_lets_one_of_many_simultaneous_workers_begin(kinesis):
    """All workers have enough records to send, and writing the first request takes some time."""
    uplink = BandwidthLimiter(20_000)
    publisher = publisher_for(kinesis.url, uplink=uplink)
    queue = MemoryQueue("telemetry", [Record(n, 1, str(n), b"x" * 1000) for n in range(1, 201)])
    started = time.monotonic()
    with sending(queue, publisher, SenderSettings(16, 0.01, bandwidth=uplink)):
        assert queue.wait_settled(1, secs=30)
        requests, took = kinesis.streams["telemetry"].requests, time.monotonic() - started
    assert requests <= 1 + (took + MAX_IDLE_SECS) / 0.45, "each takes the link for half a second"
    publisher.close()


def test_tls_tcp_and_ip_are_counted():
    assert on_wire(100) == 100 + 22 + 52
    assert 1.03 < on_wire(1_000_000) / 1_000_000 < 1.05


def test_streams_together_stay_below_the_limit(kinesis):
    rate, data = 400_000, b"x" * 1000
    uplink = BandwidthLimiter(rate)
    settings = SenderSettings(2, 0.01, bandwidth=uplink)
    publisher = publisher_for(kinesis.url, uplink=uplink)
    queues = [
        MemoryQueue(name, [Record(n, 1, str(n), data) for n in range(1, 601)]) for name in ("telemetry", "archive")
    ]
    started = time.monotonic()
    with sending(queues[0], publisher, settings), sending(queues[1], publisher, settings):
        assert all(queue.wait_settled(600, secs=30) for queue in queues)
        took = time.monotonic() - started
    publisher.close()
    at_once = 1.1 * rate / 2 + rate * MAX_IDLE_SECS  # the last request may have started just before the end
    assert 1_600_000 < kinesis.received_bytes < rate * took + at_once
    assert kinesis.streams["telemetry"].requests > 2


def test_publisher_reports_the_bytes_that_it_sent(kinesis):
    told = []
    uplink = BandwidthLimiter(10**9)
    uplink.sent = told.append
    publisher = publisher_for(kinesis.url, uplink=uplink)
    publisher.put_records("telemetry", [Record(1, 1, "k", b"x" * 5000)])
    publisher.close()
    assert len(told) == 1
    assert abs(told[0] - kinesis.received_bytes) < 100
