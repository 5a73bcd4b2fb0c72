"""Sample of the messages while the page is open: the last ones of each topic, and the topics with the most messages.

Its memory is bounded. It samples only some messages of each burst, so its cost does not grow with the traffic.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.mqtt.packet_stream import PUBREL

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.mqtt.packet_stream import Publish

MAX_TOPICS: Final = 1_000
"""Max number of topics. Beyond it, the half with the fewest messages is forgotten: new topics must become known too."""
SAMPLED_PER_BURST: Final = 128
"""Messages of a burst that are looked at: about 0.04 ms of the ingest thread."""
KEPT_PER_TOPIC: Final = 3
KEPT_BYTES: Final = 4_096
"""Max size of a message that is kept: as much as the page shows of a payload. Together they have at most 12 MB."""
MAX_TOPIC_BYTES: Final = 1_024
"""Messages with a longer topic are not sampled."""


class BusyTopic(NamedTuple):
    """A topic, its share (0 to 1) of the sampled messages, and the time of the last one in ms since 1970."""

    topic: str
    share: float
    last_ms: int


@dataclass(slots=True)
class _Topic:
    messages: int = 0
    last_ms: int = 0
    kept: deque[tuple[Publish, int]] = field(default_factory=lambda: deque(maxlen=KEPT_PER_TOPIC))


class TopicSample:
    """Sample since the page was opened. The ingest thread calls `offer`, the server the other methods."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._topics: dict[bytes, _Topic] = {}
        self._sampled = 0
        self.since_ms = 0
        """Time of the first message that counts, in ms since 1970."""

    def restart(self) -> None:
        """Start the counters again. The stored messages stay."""
        with self._lock:
            self.since_ms = time.time_ns() // 1_000_000
            self._sampled = 0
            for each in self._topics.values():
                each.messages = 0

    def offer(self, burst: list[Publish], now_ms: int) -> None:
        """Count and store messages, spread over a burst. Called by the ingest thread."""
        # Each sampled message also counts for the messages between it and the next sampled one.
        step = 1 + (len(burst) - 1) // SAMPLED_PER_BURST
        with self._lock:
            for each in burst[::step]:
                if each[0] != PUBREL and len(each[1]) <= MAX_TOPIC_BYTES:
                    self._add(each, step, now_ms)

    def _add(self, publish: Publish, count: int, now_ms: int) -> None:
        name = publish[1]
        topic = self._topics.get(name)
        if topic is None:
            if len(self._topics) >= MAX_TOPICS:
                self._forget()
            topic = self._topics[name] = _Topic()
        topic.messages += count
        topic.last_ms = now_ms
        self._sampled += count
        _, _, _, properties, payload, _ = publish
        if len(properties) + len(payload) <= KEPT_BYTES:
            topic.kept.append((publish, now_ms))

    def _forget(self) -> None:
        self._topics = dict(self._ranked(MAX_TOPICS // 2))

    def _ranked(self, count: int) -> list[tuple[bytes, _Topic]]:
        return heapq.nlargest(count, self._topics.items(), key=lambda item: item[1].messages)

    def busiest(self, count: int) -> list[BusyTopic]:
        """Return the topics with the most messages, largest first."""
        with self._lock:
            return [
                BusyTopic(name.decode("utf-8", "replace"), each.messages / self._sampled, each.last_ms)
                for name, each in self._ranked(count)
                if each.messages
            ]

    def recent(self, matches: Callable[[Publish], bool], count: int) -> list[tuple[Publish, int]]:
        """Return the newest stored messages that match, oldest first."""
        with self._lock:
            kept = [each for topic in self._topics.values() for each in topic.kept]
        kept.sort(key=lambda each: each[1], reverse=True)
        return list(islice((each for each in kept if matches(each[0])), count))[::-1]
