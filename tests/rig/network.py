"""Ports on 127.0.0.1."""

import socket
import time


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_for_port(port: int, *, timeout_secs: float = 10, still_alive=lambda: True) -> None:
    """Until something accepts connections. AssertionError when nothing does, or `still_alive()` says it never will."""
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
