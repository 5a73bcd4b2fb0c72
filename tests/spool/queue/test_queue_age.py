"""Age of the oldest unsettled record, since its receipt."""

import time

import pytest

from bridge.spool.database.transaction import Transaction
from bridge.spool.queue.live_first_queue import LiveFirstQueue
from bridge.spool.queue.stream_queue import StreamQueue
from tests.spool.builders import opened, put, take


class Ageing:
    def __init__(self, kind=StreamQueue):
        self.now = 1_700_000_000_000
        options = {
            "first": 1,
            "next_number": 1,
            "fresh_bytes": 1 << 20,
            "read": lambda *_: [],
            "now_ms": lambda: self.now,
        }
        self.queue = kind("press", 1, **options)
        self.queue.clock = lambda: self.now / 1000

    def put(self, count, *, after_secs=0):
        self.now += after_secs * 1000
        for _ in range(count):
            self.queue.append(1, "k", b"x")
        self.queue.note_receive_time(self.queue.pending[0].number)  # as the transaction does
        self.queue.committed()


@pytest.mark.parametrize("kind", [StreamQueue, LiveFirstQueue])
def test_oldest_is_the_first_that_waits_or_what_a_sender_holds(kind):
    ageing = Ageing(kind)
    queue = ageing.queue
    assert queue.oldest_secs(None) == 0.0
    ageing.put(3)
    ageing.put(3, after_secs=6)
    ageing.now += 2_000
    assert queue.oldest_secs(None) == 8.0
    queue.take_batch(3, 1 << 20)
    assert queue.oldest_secs(None) == 2.0
    assert queue.oldest_secs(2) == 8.0
    queue.take_batch(3, 1 << 20)
    assert queue.oldest_secs(None) == 0.0
    assert queue.oldest_secs(5) == 2.0


def test_age_between_two_receive_times_is_exact():
    ageing = Ageing()
    ageing.put(1)
    ageing.put(1, after_secs=4)
    ageing.now += 500
    assert len(ageing.queue.receive_times.pairs) == 1
    assert ageing.queue.oldest_secs(None) == 4.5
    ageing.queue.take_batch(1, 1 << 20)
    assert ageing.queue.oldest_secs(None) == 0.5


def test_receive_times_of_a_week_use_little_memory():
    ageing = Ageing()
    for _ in range(5_000):
        ageing.put(1, after_secs=120)
    assert len(ageing.queue.receive_times.pairs) <= 200
    assert ageing.queue.oldest_secs(None) == 4_999 * 120
    while ageing.queue.take_batch(500, 1 << 20):
        pass
    assert ageing.queue.oldest_secs(4_990) == 10 * 120


def test_queue_age_is_known_after_a_restart(tmp_path):
    """The transaction that stores a record also stores its receive time. A kill loses neither."""
    spool = opened(tmp_path)
    put(spool, b"a")
    marks = spool.queue("press").receive_times.pairs
    spool.close()
    spool = opened(tmp_path)
    assert spool.queue("press").receive_times.pairs == marks
    assert marks
    assert len(take(spool)) == 1
    spool.close()


def test_latency_is_measured_over_a_restart(tmp_path):
    spool = opened(tmp_path)
    put(spool, b"a")
    put(spool, b"b")
    spool.close()
    spool = opened(tmp_path)
    queue = spool.queue("press")
    queue.receive_times.pairs = [(number, at - 7_200_000) for number, at in queue.receive_times.pairs]  # two hours pass
    put(spool, b"c")
    queue.settle(queue.take_batch(3, 1 << 20), [])
    cumulative, bounds = queue.commits.from_arrival.value().cumulative, queue.commits.from_arrival.value().bounds
    assert [cumulative[bounds.index(secs)] for secs in (60.0, 3600.0, 21600.0)] == [1, 1, 3]
    spool.close()


def test_burst_is_as_old_as_its_arrival_and_not_as_its_commit(tmp_path):
    spool = opened(tmp_path)
    transaction = Transaction(received_at=time.monotonic() - 30.0)
    queue = spool.queue("press")
    queue.append(spool.mapping_number("press"), "k", b"a")
    spool.commit(transaction)
    queue.settle(queue.take_batch(1, 1 << 20), [])
    arrival, disk = queue.commits.from_arrival.value(), queue.commits.from_disk.value()
    assert arrival.cumulative[arrival.bounds.index(10.0)] == 0
    assert disk.cumulative[disk.bounds.index(10.0)] == 1
    spool.close()
