"""Sample of the messages while the page is open: the last messages of each topic, and the topics with most messages.

The memory of the sample is bounded. The sample contains only some messages of each burst, which is a group of messages
that the ingest thread maps together. So the cost of the sample does not grow with the traffic.
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
"""Maximum number of topics. If there are more, the sample forgets the half of the topics with the fewest messages."""
SAMPLED_PER_BURST: Final = 128
"""Maximum number of messages of a burst that are counted. Counting them takes about 0.04 ms of the ingest thread."""
# A few messages of each topic are enough as examples for the user who selects the topic.
KEPT_PER_TOPIC: Final = 3
KEPT_BYTES: Final = 4_096
"""Maximum size of a stored message. The page shows no more of a payload.

All stored messages together need at most 12 MB.
"""
MAX_TOPIC_BYTES: Final = 1_024
"""Messages with a longer topic are not sampled."""


class BusyTopic(NamedTuple):
    """A topic, its share (0 to 1) of the sampled messages, and the time of its last message in ms since 1970."""

    topic: str
    share: float
    last_ms: int


@dataclass(slots=True)
class _Topic:
    messages: int = 0
    last_ms: int = 0
    kept: deque[tuple[Publish, int]] = field(default_factory=lambda: deque(maxlen=KEPT_PER_TOPIC))


class TopicSample:
    """Sample since the page was opened. The ingest thread calls `offer`; the server calls the other methods."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._topics: dict[bytes, _Topic] = {}
        self._sampled = 0
        self.since_ms = 0
        """Time from which messages are counted, in ms since 1970."""

    def restart(self) -> None:
        """Start the counters again. The stored messages stay."""
        with self._lock:
            self.since_ms = time.time_ns() // 1_000_000
            self._sampled = 0
            for each in self._topics.values():
                each.messages = 0

    def offer(self, burst: list[Publish], now_ms: int) -> None:
        """Count and store some messages from all parts of a burst. The ingest thread calls this method."""
        # Count each sampled message also for the messages that are skipped after it.
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
        """Return the `count` topics with the most messages, the busiest first."""
        with self._lock:
            return [
                BusyTopic(name.decode("utf-8", "replace"), each.messages / self._sampled, each.last_ms)
                for name, each in self._ranked(count)
                if each.messages
            ]

    def recent(self, matches: Callable[[Publish], bool], count: int) -> list[tuple[Publish, int]]:
        """Return the newest `count` stored messages that match, in the order of their arrival."""
        # Hold the lock only for the copy, because the ingest thread waits for it.
        with self._lock:
            kept = [each for topic in self._topics.values() for each in topic.kept]
        kept.sort(key=lambda each: each[1], reverse=True)
        return list(islice((each for each in kept if matches(each[0])), count))[::-1]
