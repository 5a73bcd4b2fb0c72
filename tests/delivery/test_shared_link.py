import random

import pytest

from bridge.spool.queue.live_first_queue import LIVE_SECS
from tests.delivery.simulated_pool import SimulatedPool

BANDWIDTH = 123_000
BUSY_SECS = 0.05


def busy_machine(seed=1):
    """Return the delays of threads on an overloaded machine."""
    chance = random.Random(seed)
    return lambda: chance.expovariate(1 / BUSY_SECS) if chance.random() > 0.03 else chance.uniform(0.5, 3)


@pytest.mark.parametrize("delay", [lambda: 0.0, busy_machine()], ids=["idle", "busy"])
def test_live_records_of_three_streams_go_before_their_backlogs(delay):
    pool = SimulatedPool(BANDWIDTH, 0.04, (72, 72, 72), buffer=32_000, delay=delay)
    pool.run(10)
    pool.highest_bandwidth = 0.0
    assert pool.run(40) > 0.95
    assert pool.highest_bandwidth < 1.5 * BANDWIDTH
    assert max(load.latency(0.99) for load in pool.loads) < LIVE_SECS + 4


def test_stream_with_most_live_records_gets_most_of_the_link():
    pool = SimulatedPool(BANDWIDTH, 0.04, (300, 20, 20))
    assert pool.run(30) > 0.95
    assert max(load.latency(0.99) for load in pool.loads) < LIVE_SECS + 4
