import contextlib
import gc
import threading

from bridge.delivery import outstanding_requests, sender_pool
from bridge.delivery.batch import Batch
from bridge.delivery.sender_pool import SPARE_THREADS, SenderPool
from bridge.delivery.sender_pools import SenderPools
from bridge.delivery.settings import SenderSettings
from bridge.kinesis.publisher import StreamDescription
from bridge.kinesis.put_records_codec import RecordAccepted
from tests.fakes.stream_queue import MemoryQueue, eventually, records

SETTINGS = SenderSettings(requests_in_flight=4, linger_secs=0.0)


class Endpoint:
    """Endpoint that accepts all records.

    Requests for the streams in `held` are answered only when `go` is set. `most`: requests at once.
    """

    def __init__(self):
        self.held, self.go = set(), threading.Event()
        self.counting, self.at_once, self.most, self.order = threading.Lock(), 0, 0, []

    def endpoint(self, stream):
        return stream.partition(".")[0]

    def describe(self, stream):
        return StreamDescription()

    def list_shards(self, stream):
        return []

    def put_records(self, stream, some):
        with self.counting:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            self.order.append(stream)
        if stream in self.held:
            self.go.wait(30)
        with self.counting:
            self.at_once -= 1
        return [RecordAccepted("1", "shardId-0") for _ in some]


def batches():
    return [kept for kept in gc.get_objects() if type(kept) is Batch]


@contextlib.contextmanager
def pools_of(endpoint, settings=SETTINGS):
    threads = []

    def start(name, body):
        thread = threading.Thread(target=body, name=name)
        thread.start()
        threads.append(thread)

    pools = SenderPools(endpoint, settings, start)
    pools.threads = threads
    try:
        yield pools
    finally:
        endpoint.go.set()
        pools.stop()
        for thread in threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in threads)


def test_threads_do_not_grow_with_the_streams():
    queues = [MemoryQueue(f"e.{n}", records(20)) for n in range(40)]
    with pools_of(Endpoint()) as pools:
        for queue in queues:
            pools.add(queue)
        assert all(queue.wait_settled(20, secs=30) for queue in queues)
        assert len(pools.threads) <= SETTINGS.requests_in_flight + SPARE_THREADS


def test_queue_that_is_added_twice_is_sent_once():
    queue = MemoryQueue("e.1", records(5))
    with pools_of(Endpoint()) as pools:
        pools.add(queue)
        pools.add(queue)
        assert queue.wait_settled(5)
        assert len(pools.senders) == len(pools.endpoints()) == 1


def test_endpoints_have_pools_of_their_own():
    endpoint = Endpoint()
    endpoint.held = {"a.1"}
    stuck, free = MemoryQueue("a.1", records(5000)), MemoryQueue("b.1", records(5000))
    with pools_of(endpoint) as pools:
        pools.add(stuck)
        pools.add(free)
        assert free.wait_settled(5000, secs=30)
        assert [each.endpoint for each in pools.endpoints()] == ["a", "b"]


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


def test_pools_add_after_stop_starts_no_thread():
    with pools_of(Endpoint()) as pools:
        pools.stop()
        pools.add(MemoryQueue("e.late", records(1)))
        assert pools.senders == {}
        assert pools.threads == []


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
