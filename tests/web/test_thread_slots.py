import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from bridge.web.events import MAX_LISTENERS, MessageFilter, messages
from bridge.web.thread_slots import MAX_REQUESTS, ThreadSlots

WAIT_SECS = 60


class SlowTail:
    """Messages whose mapping does not end before `released` is set."""

    def __init__(self):
        self.released = threading.Event()
        self.mapping = threading.Semaphore(0)

    def recent(self, _wanted):
        self.mapping.release()
        self.released.wait()
        return []

    @contextmanager
    def listening(self, _wanted):
        yield None


def test_message_streams_leave_threads_for_health_checks():
    async def scene():
        # asyncio has this number of threads on a machine with one processor.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(5))
        tail, threads = SlowTail(), ThreadSlots()
        streams = [messages(tail, MessageFilter("", "", "", ""), lambda: True, threads) for _ in range(MAX_LISTENERS)]
        first_events = [asyncio.ensure_future(anext(stream)) for stream in streams]
        try:
            for _ in range(MAX_REQUESTS):
                assert await asyncio.wait_for(asyncio.to_thread(tail.mapping.acquire), WAIT_SECS)
            assert await asyncio.wait_for(asyncio.to_thread(lambda: "OK"), WAIT_SECS) == "OK"
        finally:
            tail.released.set()
        assert all(await asyncio.gather(*first_events))
        for stream in streams:
            await stream.aclose()

    asyncio.run(scene())


def test_request_waits_until_a_thread_is_free():
    async def scene():
        threads, free = ThreadSlots(), threading.Event()
        running = [asyncio.ensure_future(threads.run(free.wait)) for _ in range(MAX_REQUESTS)]
        waiting = asyncio.ensure_future(threads.run(lambda: "done"))
        await asyncio.to_thread(lambda: None)
        assert not waiting.done()
        free.set()
        assert await asyncio.wait_for(waiting, WAIT_SECS) == "done"
        await asyncio.gather(*running)

    asyncio.run(scene())
