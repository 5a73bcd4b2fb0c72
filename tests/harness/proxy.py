"""A TCP proxy on 127.0.0.1 that causes faults on demand, between the bridge and its broker or Kinesis.

with Proxy(broker.port) as proxy:
    proxy.hang()   # connections stay open but forward nothing; new connections get no response
    proxy.reset()  # every connection ends with a TCP reset; new connections work
    proxy.cut()    # every connection is closed, and new connections are refused
    proxy.slow(0.3)  # each block is delayed by 0.3 s, in both directions
    proxy.heal()   # everything is forwarded again, including the data that a hang has delayed
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable

from tests.harness.network import close_server, free_port

BLOCK = 256 * 1024
ABORT = struct.pack("ii", 1, 0)
"""Value of SO_LINGER (on, 0 s) with which close() sends a TCP reset."""


class Proxy:
    """Proxy that forwards connections from `port` on `host` to `target` on 127.0.0.1.

    `answer` gets the first bytes of each connection. If it returns bytes, the proxy sends them back and closes the
    connection. If it returns None, the proxy forwards the connection. A method returns when its change is in effect.
    """

    def __init__(
        self, target: int, *, answer: Callable[[bytes], bytes | None] = lambda first: None, host: str = "127.0.0.1"
    ) -> None:
        self.port = free_port()
        self._host = host
        self._delay_secs = 0.0
        self.accepted = 0
        self.target = target
        self._answer = answer
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy-{self.port}", daemon=True)
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task] = set()
        self._server: asyncio.Server | None = None

    def __enter__(self):
        self._thread.start()
        self._call(self._start())
        return self

    def __exit__(self, *_):
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def hang(self) -> None:
        self._call(self._hang())

    def reset(self) -> None:
        self._call(self._reset())

    def cut(self) -> None:
        self._call(self._cut())

    def slow(self, secs: float) -> None:
        self._delay_secs = secs

    def heal(self) -> None:
        self._delay_secs = 0.0
        self._call(self._heal())

    @property
    def connections(self) -> int:
        return len(self._writers) // 2

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)

    async def _start(self):
        self._flowing = asyncio.Event()
        self._flowing.set()
        await self._listen()

    async def _stop(self):
        await self._close_server()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # A task that is cancelled before its first step does not close its connection.
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _listen(self):
        if not self._server:
            self._server = await asyncio.start_server(self._accept, self._host, self.port)

    async def _close_server(self):
        if server := self._server:
            self._server = None
            await close_server(server)

    async def _hang(self):
        self._flowing.clear()

    async def _reset(self):
        for writer in [each for each in self._writers if not each.is_closing()]:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
            writer.transport.abort()

    async def _cut(self):
        await self._close_server()
        for writer in self._writers:
            writer.transport.abort()

    async def _heal(self):
        self._flowing.set()
        await self._listen()

    def _accept(self, reader, writer):
        self.accepted += 1
        self._writers.add(writer)
        task = self._loop.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader, writer):
        try:
            with self._kept(writer):
                await self._connect(reader, writer)
        except* OSError:
            pass  # one side has closed the connection, or no process listens on the target
        except* asyncio.CancelledError:
            pass  # the proxy is closing; without this, asyncio would print a traceback for each connection

    async def _connect(self, reader, writer):
        await self._flowing.wait()
        first = await reader.read(BLOCK)
        if answer := self._answer(first):
            writer.write(answer)
            await writer.drain()
            return
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self.target)
        with self._kept(upstream_writer):
            upstream_writer.write(first)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, upstream_writer))
                both.create_task(self._pump(upstream_reader, writer))

    @contextlib.contextmanager
    def _kept(self, writer):
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._writers.add(writer)
        try:
            yield
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _pump(self, reader, writer):
        while data := await reader.read(BLOCK):
            await asyncio.sleep(self._delay_secs)
            await self._flowing.wait()
            writer.write(data)
            await writer.drain()
        await self._flowing.wait()
        writer.write_eof()
