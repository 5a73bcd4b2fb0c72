"""What the page is told by itself, as server-sent events: the state each second, and messages with their records.

https://html.spec.whatwg.org/multipage/server-sent-events.html

Nothing is computed, and nothing is taken from the ingest thread, while nobody listens.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge.mqtt.wire import PUBREL
from bridge.web.shown import message_value

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bridge.mqtt.wire import Publish
    from bridge.web.observed import Observed

STATE_SECS: Final = 1.0
TAIL_SECS: Final = 0.5
TAIL_MESSAGES: Final = 12
"""At most so many of each half second: more nobody can read."""
TAIL_PER_BURST: Final = 4
MAX_LISTENERS: Final = 32


class Tail:
    """A few of the messages that come, for those who look. The ingest thread puts them in, the server takes them."""

    def __init__(self, bridge: Observed) -> None:
        self._bridge = bridge
        self._recent: deque[tuple[Publish, int]] = deque(maxlen=TAIL_MESSAGES)
        self._listeners = 0

    def __call__(self, burst: list[Publish]) -> None:
        """A burst was mapped: keep a few of it, spread over it."""
        now = time.time_ns() // 1_000_000
        for each in burst[:: max(1, len(burst) // TAIL_PER_BURST)]:
            if each[0] != PUBREL:
                self._recent.append((each, now))

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """While at least one listens, the tap is open."""
        self._listeners += 1
        self._bridge.set_tap(self)
        try:
            yield
        finally:
            self._listeners -= 1
            if not self._listeners:
                self._bridge.set_tap(None)
                self._recent.clear()

    def take(self) -> list[dict[str, Any]]:
        """What came since the last call, each with what the mappings in force make of it."""
        taken = []
        while self._recent:
            taken.append(self._recent.popleft())
        routes = self._bridge.mappings.routes
        return [message_value(routes, publish, at) for publish, at in taken]


class State:
    """The state as one event that all listeners share, made once a second."""

    def __init__(self, value: Callable[[], dict[str, Any]]) -> None:
        self._value = value
        self._made_at = float("-inf")
        self._event = b""
        self._making = asyncio.Lock()

    async def event(self) -> bytes:
        """No older than a second."""
        async with self._making:
            if time.monotonic() - self._made_at >= STATE_SECS * 0.9:
                self._event = event("state", await asyncio.to_thread(self._value))
                self._made_at = time.monotonic()
            return self._event


def event(name: str, value: Any) -> bytes:
    """One event; JSON has no line ends."""
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps(value) + b"\n\n"


async def states(state: State, stopping: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Until the listener goes, or the bridge stops."""
    while not stopping():
        yield await state.event()
        await asyncio.sleep(STATE_SECS)


async def messages(tail: Tail, stopping: Callable[[], bool]) -> AsyncIterator[bytes]:
    """As `states`; a tail is each listener's own share of what came."""
    async with tail.listening():
        yield event("messages", [])
        while not stopping():
            await asyncio.sleep(TAIL_SECS)
            taken = await asyncio.to_thread(tail.take)
            if taken:
                yield event("messages", taken)
