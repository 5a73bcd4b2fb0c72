import time

from bridge.kinesis.uplink import Uplink, on_wire
from bridge.kinesis.window import SenderSettings
from bridge.model import Record
from tests.kinesis.conftest import publisher_for
from tests.kinesis.test_sender import sending
from tests.stand_in.stream_queue import MemoryQueue


def test_requests_follow_one_another_at_the_rate():
    now = [100.0]
    uplink = Uplink(1000, lambda: now[0])
    sent = 0
    while now[0] < 160.0:
        if uplink.wait_secs() == 0:
            uplink.sent(700)
            sent += on_wire(700)
        now[0] += 0.01
    assert 0.97 * 60_000 < sent < 62_000


def test_an_idle_link_saves_nothing_up():
    now = [0.0]
    uplink = Uplink(1000, lambda: now[0])
    now[0] = 3600.0
    uplink.sent(1000)
    assert uplink.wait_secs() > 1.0


def test_tls_tcp_and_ip_are_counted():
    assert on_wire(100) == 100 + 22 + 52
    assert 1.03 < on_wire(1_000_000) / 1_000_000 < 1.05


def test_two_streams_together_put_no_more_on_the_wire(kinesis):
    rate, data = 400_000, b"x" * 1000
    uplink = Uplink(rate)
    settings = SenderSettings(2, 0.01, uplink=uplink)
    publisher = publisher_for(kinesis.url, uplink=uplink)
    queues = [
        MemoryQueue(name, [Record(n, 1, str(n), data) for n in range(1, 601)]) for name in ("telemetry", "archive")
    ]
    started = time.monotonic()
    with sending(queues[0], publisher, settings), sending(queues[1], publisher, settings):
        assert all(queue.wait_settled(600, secs=30) for queue in queues)
        took = time.monotonic() - started
    publisher.close()
    # Workers that look at the same moment may start a request each, of about half a second; what it took is owed then.
    at_once = 4 * 1.1 * rate / 2
    assert 1_600_000 < kinesis.received_bytes < rate * took + at_once
    assert kinesis.streams["telemetry"].requests > 2


def test_what_is_told_is_what_is_sent(kinesis):
    told = []
    uplink = Uplink(10**9)
    uplink.sent = told.append
    publisher = publisher_for(kinesis.url, uplink=uplink)
    publisher.put_records("telemetry", [Record(1, 1, "k", b"x" * 5000)])
    publisher.close()
    assert len(told) == 1
    assert abs(told[0] - kinesis.received_bytes) < 100
