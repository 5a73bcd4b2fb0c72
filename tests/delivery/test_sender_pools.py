"""Pools of several endpoints: which queue is sent by which threads."""

import pytest

from bridge.delivery.sender_pools import SenderPools
from tests.delivery.running_pools import SETTINGS, Endpoint, pools_of
from tests.fakes.stream_queue import MemoryQueue, records


def test_queue_that_is_added_twice_is_sent_once():
    queue = MemoryQueue("e.1", records(5))
    with pools_of(Endpoint()) as pools:
        pools.add(queue)
        pools.add(queue)
        assert queue.wait_settled(5)
        assert len(pools.senders) == len(pools.endpoints()) == len(pools.shards()) == 1


def test_endpoints_have_pools_of_their_own():
    endpoint = Endpoint()
    endpoint.held = {"a.1"}
    stuck, free = MemoryQueue("a.1", records(5000)), MemoryQueue("b.1", records(5000))
    with pools_of(endpoint) as pools:
        pools.add(stuck)
        pools.add(free)
        assert free.wait_settled(5000, secs=30)
        assert [each.endpoint for each in pools.endpoints()] == ["a", "b"]
        assert [each.stream for each in pools.shards()] == ["a.1", "b.1"]


def test_pools_add_after_stop_starts_no_thread():
    with pools_of(Endpoint()) as pools:
        pools.stop()
        pools.add(MemoryQueue("e.late", records(1)))
        assert pools.senders == {}
        assert pools.threads == []


def test_pools_after_a_queue_of_a_newer_version_send_the_other_queues():
    queue = MemoryQueue("e.1", records(5))
    with pools_of(Endpoint()) as pools:
        with pytest.raises(ValueError, match="this version does not know future"):
            pools.add(MemoryQueue("e.2 future=1", records(5)))
        assert pools.endpoints() == ()
        pools.add(queue)
        assert queue.wait_settled(5)


def test_pools_store_a_sender_after_its_thread_was_started():
    """Otherwise, the health check could see a sender without threads, and the watchdog would end the process."""
    seen = []
    pools = SenderPools(Endpoint(), SETTINGS, lambda name, _body: seen.append((name, dict(pools.senders))))
    pools.add(MemoryQueue("e.1"))
    assert seen == [("send 1 e", {})]
    assert list(pools.senders) == ["e.1"]


def test_pools_without_a_new_thread_do_not_store_the_sender():
    def fail(_name, _body):
        raise RuntimeError("can't start new thread")

    pools = SenderPools(Endpoint(), SETTINGS, fail)
    with pytest.raises(RuntimeError, match="new thread"):
        pools.add(MemoryQueue("e.1"))
    assert pools.senders == {}
