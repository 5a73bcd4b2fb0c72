"""Limit on the threads for requests and event streams, so that a thread is always free for a health check."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_REQUESTS: Final = 3
"""Maximum number of requests that run in threads at once.

The event loop has at least 5 threads. Of the other two threads, one creates the state for all listeners, and one is
free for health checks.
"""
Value = TypeVar("Value")


class ThreadSlots:
    """Limit on the requests that run in threads at once. Use it only in the server's event loop."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(MAX_REQUESTS)

    async def run(self, function: Callable[..., Value], *args: object) -> Value:
        """Run a function in a thread as soon as one is free, and return its result."""
        async with self._free:
            return await asyncio.to_thread(function, *args)
