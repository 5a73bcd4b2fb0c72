import gc

from bridge.delivery import outstanding_requests, sender_pool
from bridge.delivery.batch import Batch
from bridge.delivery.sender_pool import SPARE_THREADS, SenderPool
from bridge.delivery.settings import SenderSettings
from tests.delivery.running_pools import SETTINGS, Endpoint, pools_of
from tests.fakes.stream_queue import MemoryQueue, eventually, records


def batches():
    return [kept for kept in gc.get_objects() if type(kept) is Batch]


def test_threads_do_not_grow_with_the_streams():
    queues = [MemoryQueue(f"e.{n}", records(20)) for n in range(40)]
    with pools_of(Endpoint()) as pools:
        for queue in queues:
            pools.add(queue)
        assert all(queue.wait_settled(20, secs=30) for queue in queues)
        assert len(pools.threads) <= SETTINGS.requests_in_flight + SPARE_THREADS


def test_stream_that_hangs_does_not_stop_another_one(monkeypatch):
    monkeypatch.setattr(outstanding_requests, "OVERDUE_SECS", 0.2)
    monkeypatch.setattr(sender_pool, "MAX_WAIT_SECS", 0.05)
    endpoint = Endpoint()
    endpoint.held = {"e.hangs"}
    stuck, free = MemoryQueue("e.hangs", records(50_000)), MemoryQueue("e.free")
    with pools_of(endpoint) as pools:
        pools.add(stuck)
        assert eventually(lambda: endpoint.at_once > 0)
        pools.add(free)
        free.put(*records(1000))
        assert free.wait_settled(1000, secs=30)
        assert not stuck.delivered


def test_streams_with_a_backlog_take_turns():
    endpoint = Endpoint()
    queues = [MemoryQueue(f"e.{n}", records(3000)) for n in range(3)]
    endpoint.held = {"e.0"}  # until all streams have been added
    with pools_of(endpoint, SenderSettings(requests_in_flight=1, linger_secs=0.0)) as pools:
        for queue in queues:
            pools.add(queue)
        endpoint.go.set()
        assert all(queue.wait_settled(3000, secs=30) for queue in queues)
    while_all_wait = endpoint.order[3:12]
    assert all(while_all_wait.count(f"e.{n}") >= 2 for n in range(3))


def test_requests_at_once_are_bounded_over_all_streams():
    endpoint = Endpoint()
    queues = [MemoryQueue(f"e.{n}", records(3000)) for n in range(6)]
    with pools_of(endpoint) as pools:
        for queue in queues:
            pools.add(queue)
        assert all(queue.wait_settled(3000, secs=30) for queue in queues)
    assert endpoint.most <= SETTINGS.requests_in_flight


def test_threads_that_wait_keep_no_settled_batch_in_memory():
    queue, of_other_tests = MemoryQueue("e.1", records(3000)), batches()
    with pools_of(Endpoint()) as pools:
        pools.add(queue)
        assert queue.wait_settled(3000, secs=30)
        assert eventually(lambda: len(batches()) <= len(of_other_tests))


def test_stop_lets_the_request_in_flight_end():
    endpoint, queue = Endpoint(), MemoryQueue("e.1", records(3))
    endpoint.held = {"e.1"}
    with pools_of(endpoint) as pools:
        pools.add(queue)
        assert eventually(lambda: endpoint.at_once == 1)
        pools.stop()
        assert not queue.delivered
        endpoint.go.set()
        assert queue.wait_settled(3)


def test_link_that_is_full_is_the_limit_for_as_long():
    now = [0.0]
    pool = SenderPool("kinesis.example", Endpoint(), SETTINGS, clock=lambda: now[0])
    queue = MemoryQueue("e.1", records(50_000))
    sender = pool.add(queue)
    in_flight = []
    for secs in range(0, 200, 5):
        now[0] = float(secs)
        if in_flight:
            in_flight.pop(0)()
        while pool._choose(now[0]) == (sender, None):
            in_flight.append(sender.prepare())
    assert pool._concurrency.limited_secs(now[0]) >= 60


def test_pool_sends_no_request_that_was_built_while_the_stop_began():
    endpoint, queue = Endpoint(), MemoryQueue("e.a", records(5))
    with pools_of(endpoint) as pools:
        take = queue.take_batch

        def take_and_stop(*room):
            pools.stop()
            return take(*room)

        queue.take_batch = take_and_stop
        pools.add(queue)
        for thread in pools.threads:
            thread.join(30)
    assert endpoint.order == []
