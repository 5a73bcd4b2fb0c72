"""How long ago the oldest record was received that is not settled."""

import pytest

from bridge.spool.live_first import LiveFirstQueue
from bridge.spool.queue import StreamQueue
from tests.spool.spools import opened, put, take


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

    def put(self, count, *, after_secs=0):
        self.now += after_secs * 1000
        for _ in range(count):
            self.queue.append(1, "k", b"x")
        self.queue.committed()


@pytest.mark.parametrize("kind", [StreamQueue, LiveFirstQueue])
def test_the_oldest_is_the_first_that_waits_or_what_a_sender_holds(kind):
    ageing = Ageing(kind)
    queue = ageing.queue
    assert queue.oldest_secs(None) == 0.0
    ageing.put(3)
    ageing.put(3, after_secs=60)
    ageing.now += 10_000
    assert queue.oldest_secs(None) == 70.0
    queue.collect(3, 1 << 20, 0.0, 0.0)
    assert queue.oldest_secs(None) == 10.0
    assert queue.oldest_secs(2) == 70.0
    queue.collect(3, 1 << 20, 0.0, 0.0)
    assert queue.oldest_secs(None) == 0.0
    assert queue.oldest_secs(5) == 10.0


def test_a_week_of_marks_takes_little_room_and_tells_the_first():
    ageing = Ageing()
    for _ in range(5_000):
        ageing.put(1, after_secs=120)
    assert len(ageing.queue.marks) <= 200
    assert ageing.queue.oldest_secs(None) == 4_999 * 120
    while ageing.queue.collect(500, 1 << 20, 0.0, 0.0):
        pass
    assert ageing.queue.oldest_secs(4_990) == 10 * 120


def test_it_is_known_after_a_restart(tmp_path):
    spool = opened(tmp_path)
    put(spool, b"a")
    put(spool, b"b")  # what was received is noted with the next transaction
    marks = spool.queue("press").marks
    spool.close()
    spool = opened(tmp_path)
    assert spool.queue("press").marks == marks
    assert len(take(spool)) == 2
    spool.close()
