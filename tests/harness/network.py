"""Free ports on 127.0.0.1, and the end of servers."""

import asyncio
import os
import random
import socket
import time

PORTS = range(10_000, 32_000)
"""Ports for servers. Linux uses ports from 32768 for outgoing connections (ip(7), ip_local_port_range). Such a
connection could otherwise occupy the port of a server that is about to start, or of a broker that is about to
restart."""
_given: set[int] = set()


def free_port() -> int:
    """Return a free port, each port only once.

    Each worker of pytest has separate ports, because a server begins to listen some time after this call. The choice is
    random, but does not use the generator that hypothesis seeds, because that one would repeat the same ports.
    """
    chance = random.SystemRandom()
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    own = PORTS[worker :: int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))]
    while True:
        port = chance.choice(own)
        if port in _given:
            continue
        _given.add(port)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port


def wait_for_port(port: int, *, timeout_secs: float = 10, still_alive=lambda: True) -> None:
    """Wait until the port accepts connections. Raise AssertionError if it does not, or if `still_alive()` is False."""
    deadline = time.monotonic() + timeout_secs
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert still_alive(), f"what should listen on port {port} has ended"
            assert time.monotonic() < deadline, f"nothing listens on port {port} after {timeout_secs} s"
            time.sleep(0.005)
        else:
            return


async def close_server(server: asyncio.Server) -> None:
    """Close a server. The caller then closes its connections.

    asyncio accepts a connection in three steps. If the server is closed between these steps, asyncio forgets the
    connection without closing it. Therefore the server first stops to accept connections, and waits for these steps.
    """
    for listener in server.sockets:
        server.get_loop().remove_reader(listener)
    for _ in range(3):
        await asyncio.sleep(0)
    server.close()
