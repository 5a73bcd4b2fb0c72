"""Server-sent events for the page: the state each second, and messages with their records.

https://html.spec.whatwg.org/multipage/server-sent-events.html

A listener is a client of an event stream. A burst is a group of messages that the ingest thread maps together. Without
listeners, this module computes nothing, and the ingest thread does no additional work.
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
from bridge.web.topic_sample import TopicSample

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from bridge.mapping.router import Router
    from bridge.monitoring.running_bridge import RunningBridge
    from bridge.mqtt.packet_stream import Publish
    from bridge.web.thread_slots import ThreadSlots

STATE_SECS: Final = 1.0
TAIL_SECS: Final = 0.5
TAIL_MESSAGES: Final = 12
"""Maximum number of messages that a listener receives each half second. A person cannot read more."""
TAIL_PER_BURST: Final = 4
"""Number of messages that are selected from a burst.

They are from all parts of the burst, so that a machine with hundreds of messages does not hide the other machines.
"""
MAX_BURST_MATCHES: Final = 64
"""Number of matching messages after which the search in a burst ends. A longer search would delay the ingest thread."""
MAX_SEARCHED_BYTES: Final = 1024 * 1024
"""Maximum number of payload bytes of a burst in which a listener's text is searched.

The search takes about 1 ms of the ingest thread.
"""
OUTCOME_MESSAGES: Final = 60
"""Number of messages stored each half second for a filter by outcome.

Only a part of them may have the outcome. The server's thread maps each of them to find its outcome.
"""
MAX_LISTENERS: Final = 32


OUTCOMES: Final = ("records", "filtered", "dead-letter", "no-mapping")


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Filter for messages. A field that is "" matches all messages.

    `topic` is a part of the topic, and `text` is a part of the payload. `outcome` is one of OUTCOMES. If both `mapping`
    and `outcome` are set, this mapping must have this outcome. If `mapping` is "", any mapping may have it.
    """

    topic: str = ""
    mapping: str = ""
    text: str = ""
    outcome: str = ""

    def has_outcome(self, message: dict[str, Any]) -> bool:
        """Return whether a message has the outcome. `message` is the result of `message_value`."""
        made = [each for each in message["mappings"] if self.mapping in ("", each["mapping"])]
        if self.outcome == "records":
            return any(each["records"] for each in made)
        if self.outcome == "dead-letter":
            return any(each["rejections"] for each in made)
        if self.outcome == "filtered":
            return any(not each["records"] and not each["rejections"] for each in made)
        # The filter has no outcome, or the outcome "no-mapping".
        return not self.outcome or not message["mappings"]


class MessageListener:
    """Recent messages for one listener. The ingest thread calls `offer`, and the server's thread calls `take`."""

    def __init__(self, wanted: MessageFilter, routes: Callable[[], Router]) -> None:
        self.wanted = wanted
        self._part = wanted.topic.encode("utf-8", "surrogatepass")
        self._text = wanted.text.encode("utf-8", "surrogatepass")
        self._by_route = bool(wanted.mapping) or wanted.outcome == "no-mapping"
        self._routes = routes
        self._searchable = 0
        # The outcome of a message is known only after `MessageTap.take` has mapped the message. So with a filter by
        # outcome, the listener stores several times as many messages, and `MessageTap.take` selects some of them.
        self._share = OUTCOME_MESSAGES // TAIL_MESSAGES if wanted.outcome else 1
        # A full deque discards its oldest message, so a slow listener needs no more memory than a fast one.
        self._recent: deque[tuple[Publish, int]] = deque(maxlen=TAIL_MESSAGES * self._share)

    def offer(self, burst: list[Publish], now_ms: int) -> None:
        """Store a few matching messages from all parts of the burst. The ingest thread calls this method."""
        if self._part or self._text or self._by_route:
            self._searchable = MAX_SEARCHED_BYTES
            burst = list(islice(filter(self._matches, burst), MAX_BURST_MATCHES))
        for each in burst[:: max(1, len(burst) // (TAIL_PER_BURST * self._share))]:
            # A PUBREL packet of QoS 2 contains no message.
            if each[0] != PUBREL:
                self._recent.append((each, now_ms))

    def begin_with(self, sample: TopicSample) -> None:
        """Store the newest matching messages of a sample, so that the listener does not begin without messages."""

        def matches(publish: Publish) -> bool:
            self._searchable = MAX_SEARCHED_BYTES
            return self._matches(publish)

        self._recent.extend(sample.recent(matches, TAIL_MESSAGES * self._share))

    def _matches(self, publish: Publish) -> bool:
        if publish[0] == PUBREL or self._part not in publish[1]:
            return False
        if self._text and not self._has_text(publish[4]):
            return False
        return not self._by_route or self._is_routed(publish[1])

    def _has_text(self, payload: bytes) -> bool:
        if self._searchable <= 0:
            return False
        # With an end, `find` searches only the first part of the payload, without copying it.
        searched, self._searchable = self._searchable, self._searchable - len(payload)
        return payload.find(self._text, 0, searched) >= 0

    def _is_routed(self, topic: bytes) -> bool:
        targets = self._routes().match(topic).targets
        if not self.wanted.mapping:
            return not targets
        return any(target.mapping.name == self.wanted.mapping for target in targets)

    @property
    def has_messages(self) -> bool:
        """True if messages arrived since the last call of `take`."""
        return bool(self._recent)

    def take(self) -> list[tuple[Publish, int]]:
        """Return the messages since the last call, and remove them."""
        taken = []
        # Messages are removed one by one, because the ingest thread may append messages at the same time.
        while self._recent:
            taken.append(self._recent.popleft())
        return taken


class MessageTap:
    """Observer of the received messages. It passes each listener some of the messages that match its filter."""

    def __init__(self, bridge: RunningBridge) -> None:
        self._bridge = bridge
        self._listeners: tuple[MessageListener, ...] = ()
        self._pages = 0
        self.sample = TopicSample()

    def __call__(self, burst: list[Publish]) -> None:
        """Offer a mapped burst to the sample and the listeners. The ingest thread calls this method."""
        now_ms = time.time_ns() // 1_000_000
        self.sample.offer(burst, now_ms)
        for listener in self._listeners:
            listener.offer(burst, now_ms)

    @contextmanager
    def sampling(self) -> Iterator[None]:
        """Sample the topics until the `with` block ends. The block lasts as long as a page is open."""
        if not self._pages:
            self.sample.restart()
        self._pages += 1
        self._bridge.set_tap(self)
        try:
            yield
        finally:
            self._pages -= 1
            self._detach_if_unused()

    @contextmanager
    def listening(self, wanted: MessageFilter) -> Iterator[MessageListener]:
        """Add a listener until the `with` block ends. The bridge calls the tap while there is a listener."""
        listener = self._listener(wanted)
        # The tuple is replaced and never changed, so the ingest thread iterates over it without a lock.
        self._listeners = (*self._listeners, listener)
        self._bridge.set_tap(self)
        try:
            yield listener
        finally:
            self._listeners = tuple(each for each in self._listeners if each is not listener)
            self._detach_if_unused()

    def recent(self, wanted: MessageFilter) -> list[dict[str, Any]]:
        """Return the newest matching messages of the sample, in the same form as `take`."""
        listener = self._listener(wanted)
        listener.begin_with(self.sample)
        return self.take(listener)

    def _listener(self, wanted: MessageFilter) -> MessageListener:
        return MessageListener(wanted, lambda: self._bridge.mappings.routes)

    def _detach_if_unused(self) -> None:
        if not self._listeners and not self._pages:
            # Without an open page or a listener, the ingest thread does not even call the tap.
            self._bridge.set_tap(None)

    def take(self, listener: MessageListener) -> list[dict[str, Any]]:
        """Return a listener's messages since the last call, each with the results of the active mappings."""
        routes = self._bridge.mappings.routes
        # With a generator, messages are mapped only until enough of them have the outcome.
        mapped = (message_value(routes, publish, at_ms) for publish, at_ms in listener.take())
        return list(islice(filter(listener.wanted.has_outcome, mapped), TAIL_MESSAGES))


class StateBroadcast:
    """State as one event for all listeners. The event is created at most once a second."""

    def __init__(self, value: Callable[[], dict[str, Any]]) -> None:
        self._value = value
        self._created_at = float("-inf")
        self._event = b""
        self._making = asyncio.Lock()

    async def event(self) -> bytes:
        """Return the event; it is at most a second old."""
        # One listener creates the event. The other listeners wait for it, and then use the same event.
        async with self._making:
            # Compare with slightly less than a second. Otherwise, a listener that wakes up a few milliseconds early
            # would receive the previous state again.
            if time.monotonic() - self._created_at >= STATE_SECS * 0.9:
                self._event = event("state", await asyncio.to_thread(self._value))
                self._created_at = time.monotonic()
            return self._event


def event(name: str, value: Any) -> bytes:
    """Return one event in the format of server-sent events. The JSON has no line breaks, so it needs one data line."""
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps(value) + b"\n\n"


async def states(state: StateBroadcast, tap: MessageTap, stopping: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Yield the state each second until the listener disconnects or the bridge stops."""
    with tap.sampling():
        while not stopping():
            yield await state.event()
            await asyncio.sleep(STATE_SECS)


async def messages(
    tail: MessageTap, wanted: MessageFilter, stopping: Callable[[], bool], threads: ThreadSlots
) -> AsyncIterator[bytes]:
    """Yield recent messages that match `wanted`, and then a sample of new ones.

    The events end when the client disconnects or the bridge stops.
    """
    # Map the messages in a thread. In the event loop, this would delay other requests.
    recent = await threads.run(tail.recent, wanted)
    with tail.listening(wanted) as listener:
        # Send the first event at once, even without a message, so that the browser treats the connection as open.
        yield event("messages", recent)
        while not stopping():
            await asyncio.sleep(TAIL_SECS)
            if listener.has_messages:
                yield event("messages", await threads.run(tail.take, listener))
