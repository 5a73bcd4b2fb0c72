"""What the page is told by itself, as server-sent events: the state each second, and messages with their records.

https://html.spec.whatwg.org/multipage/server-sent-events.html

Nothing is computed, and nothing is taken from the ingest thread, while nobody listens.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge.mqtt.packet_stream import PUBREL
from bridge.web.presentation import message_value

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from bridge.mapping.router import Router
    from bridge.monitoring.running_bridge import RunningBridge
    from bridge.mqtt.packet_stream import Publish

STATE_SECS: Final = 1.0
TAIL_SECS: Final = 0.5
TAIL_MESSAGES: Final = 12
"""At most so many of each half second: more nobody can read."""
TAIL_PER_BURST: Final = 4
MOST_OF_A_BURST: Final = 64
"""So many that are wanted are enough to choose from: the ingest thread has other things to do."""
MAX_LISTENERS: Final = 32


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which messages somebody wants to see: with this text in their topic, and for this mapping; "" is any."""

    topic: str = ""
    mapping: str = ""


class MessageListener:
    """One who looks. The ingest thread offers, the server takes."""

    def __init__(self, wanted: MessageFilter, routes: Callable[[], Router]) -> None:
        self._part = wanted.topic.encode("utf-8", "surrogatepass")
        self._mapping = wanted.mapping
        self._routes = routes
        self._recent: deque[tuple[Publish, int]] = deque(maxlen=TAIL_MESSAGES)

    def offer(self, burst: list[Publish], now_ms: int) -> None:
        """Keep a few of those that are wanted, spread over the burst."""
        if self._part or self._mapping:
            burst = list(islice(filter(self._wants, burst), MOST_OF_A_BURST))
        for each in burst[:: max(1, len(burst) // TAIL_PER_BURST)]:
            if each[0] != PUBREL:
                self._recent.append((each, now_ms))

    def _wants(self, publish: Publish) -> bool:
        if publish[0] == PUBREL or self._part not in publish[1]:
            return False
        targets = self._routes().match(publish[1]).targets if self._mapping else ()
        return not self._mapping or any(target.mapping.name == self._mapping for target in targets)

    @property
    def waits(self) -> bool:
        """Whether anything came since the last call of `take`."""
        return bool(self._recent)

    def take(self) -> list[tuple[Publish, int]]:
        """What came since the last call."""
        taken = []
        while self._recent:
            taken.append(self._recent.popleft())
        return taken


class MessageTap:
    """A few of the messages that come, for those who look; each of them gets what he wants to see."""

    def __init__(self, bridge: RunningBridge) -> None:
        self._bridge = bridge
        self._listeners: tuple[MessageListener, ...] = ()

    def __call__(self, burst: list[Publish]) -> None:
        """A burst was mapped: offer it. By the ingest thread."""
        now_ms = time.time_ns() // 1_000_000
        for listener in self._listeners:
            listener.offer(burst, now_ms)

    @contextmanager
    def listening(self, wanted: MessageFilter) -> Iterator[MessageListener]:
        """While at least one listens, the tap is open."""
        listener = MessageListener(wanted, lambda: self._bridge.mappings.routes)
        self._listeners = (*self._listeners, listener)
        self._bridge.set_tap(self)
        try:
            yield listener
        finally:
            self._listeners = tuple(each for each in self._listeners if each is not listener)
            if not self._listeners:
                self._bridge.set_tap(None)

    def take(self, listener: MessageListener) -> list[dict[str, Any]]:
        """What came since the last call, each with what the mappings in force make of it."""
        routes = self._bridge.mappings.routes
        return [message_value(routes, publish, at_ms) for publish, at_ms in listener.take()]


class StateBroadcast:
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


async def states(state: StateBroadcast, stopping: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Until the listener goes, or the bridge stops."""
    while not stopping():
        yield await state.event()
        await asyncio.sleep(STATE_SECS)


async def messages(tail: MessageTap, wanted: MessageFilter, stopping: Callable[[], bool]) -> AsyncIterator[bytes]:
    """As `states`, of some of the messages that are wanted."""
    with tail.listening(wanted) as listener:
        yield event("messages", [])
        while not stopping():
            await asyncio.sleep(TAIL_SECS)
            if listener.waits:
                yield event("messages", await asyncio.to_thread(tail.take, listener))
