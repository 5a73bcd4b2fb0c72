"""Thin link in user space, for machines without root: one upward rate for all connections, and a one-way delay.

    with LinkProxy(kinesis.port, rate=64_000, delay_secs=0.02) as link:
        ...            # connect to link.port
        link.rate = 6_400

The kernel buffers of the proxy are small, so bytes wait at the sender, as they do behind a modem. The proxy also counts
TCP and IP headers, so its rate means the same as that of a link in the kernel. Responses are delayed, but not limited.
"""

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable

from tests.harness.network import free_port

SEGMENT_BYTES = 1_448
"""Payload bytes of a full Ethernet frame, with IPv4 and TCP timestamps."""

HEADER_BYTES = 52
"""Bytes of the headers of IPv4 (20) and TCP with timestamps (32)."""

BLOCK_SECS = 0.02
"""Maximum size of a read, in seconds of the link. Longer blocks make the traffic uneven, shorter blocks cost CPU."""

MADE_UP_SECS = 0.1
BUFFER_SECS = 0.25
MIN_BUFFER_BYTES = 4_096
"""Minimum size of a buffer, in bytes.

In a smaller buffer, the receive window of Linux has no room for two segments, so the sender waits for its persist
timer.
"""

MAX_READ_BYTES = 65_536
RESET = struct.pack("ii", 1, 0)
"""Value of SO_LINGER (on, 0 s) with which close() sends a TCP reset."""


def wire_bytes(size: int) -> float:
    """Return the bytes that `size` bytes within a TCP stream occupy on the link, including TCP and IP headers.

    The headers are counted in proportion, because a read may return any part of a segment.
    """
    return size * (1 + HEADER_BYTES / SEGMENT_BYTES)


class Pacer:
    """Limiter of a link that all connections share. `rate` in bytes per second may change at any time."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self.passed = 0.0
        self._clock = clock
        self._free_at = clock()

    def reserve(self, size: float) -> float:
        """Occupy the link for `size` bytes. Return the seconds until it has carried them, which may be below 0."""
        now = self._clock()
        # On a busy machine, this process wakes up late. It must catch up, or the link would be slower than its rate.
        self._free_at = max(self._free_at, now - MADE_UP_SECS) + size / self.rate
        self.passed += size
        return self._free_at - now


class LinkProxy:
    """TCP proxy from `host` to `target`. `rate` in bytes per second limits the direction to the target; None: no limit.

    `delay_secs` is added in each direction. `sent_up` counts the bytes to the target, including headers.
    """

    def __init__(
        self, target: int, *, rate: float | None = None, delay_secs: float = 0.0, host: str = "127.0.0.1"
    ) -> None:
        self.port = free_port()
        self._host, self._target = host, target
        self._delay_secs = delay_secs
        self._pacer = Pacer(rate or float("inf"))
        self._tasks: set[asyncio.Task] = set()

    @property
    def rate(self) -> float:
        """Bytes per second to the target, for all connections together."""
        return self._pacer.rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self._pacer.rate = rate

    @property
    def sent_up(self) -> int:
        """Number of bytes that were sent to the target, including headers."""
        return int(self._pacer.passed)

    def __enter__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"thin-link-{self.port}", daemon=True)
        self._thread.start()
        self._call(self._start())
        return self

    def __exit__(self, *_):
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)

    async def _start(self):
        self._listener = listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.rate != float("inf"):
            room = max(MIN_BUFFER_BYTES, int(self.rate * BUFFER_SECS) // 2)  # the kernel doubles the value
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, min(room, MAX_READ_BYTES))
            # The loopback interface uses segments of 64 KB, which do not fit into such a buffer.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT_BYTES)
        listener.setblocking(False)
        listener.bind((self._host, self.port))
        listener.listen(256)
        self._accepting = self._keep(self._accept())

    async def _stop(self):
        self._accepting.cancel()
        # A task that is cancelled before its first step would not close its connection.
        await asyncio.sleep(0)
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._listener.close()

    def _keep(self, coroutine):
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _accept(self):
        while True:
            client, _ = await self._loop.sock_accept(self._listener)
            client.setblocking(False)
            self._keep(self._serve(client))

    async def _serve(self, client):
        with client, socket.socket() as server:
            server.setblocking(False)
            try:
                await self._loop.sock_connect(server, (self._host, self._target))
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._forward(client, server, self._up))
                    both.create_task(self._forward(server, client, self._down))
            except* OSError:
                # One side was reset. Reset the other side too; the bytes on the link are lost.
                for end in (client, server):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    async def _forward(self, source, target, read):
        """Read, and write each block `delay_secs` later, in order. At the end, end the output to the target."""
        blocks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        async with asyncio.TaskGroup() as both:
            both.create_task(self._write(blocks, target))
            while data := await read(source):
                blocks.put_nowait((self._loop.time() + self._delay_secs, data))
            blocks.put_nowait((self._loop.time() + self._delay_secs, b""))

    async def _write(self, blocks, target):
        while True:
            due, data = await blocks.get()
            if (early := due - self._loop.time()) > 0:
                await asyncio.sleep(early)
            if not data:
                with contextlib.suppress(OSError):  # the connection is already closed
                    target.shutdown(socket.SHUT_WR)
                return
            await self._loop.sock_sendall(target, data)

    async def _up(self, source):
        max_bytes = MAX_READ_BYTES
        if self.rate != float("inf"):
            max_bytes = min(max_bytes, max(SEGMENT_BYTES, int(self.rate * BLOCK_SECS)))
        data = await self._loop.sock_recv(source, max_bytes)
        if data:
            await asyncio.sleep(max(0.0, self._pacer.reserve(wire_bytes(len(data)))))
        return data

    async def _down(self, source):
        return await self._loop.sock_recv(source, MAX_READ_BYTES)
