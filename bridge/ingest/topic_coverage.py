"""Topic coverage: which mappings get messages, and which topics no mapping matches.

A mapping is silent if its last message is older than a minute, and older than three times the longest pause between two
of its messages. The threshold depends on the longest pause, because machines publish at different rates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.mapping.mapping import Mapping

MAX_TOPICS: Final = 1_000
"""Maximum number of unmatched topics that are stored by name. Messages with further topics are counted in one sum.

This limit bounds the memory.
"""
MAX_TOPIC_CHARS: Final = 500
"""Maximum number of characters of a topic that are stored."""
SILENT_PAUSES: Final = 3
"""A mapping is silent after this multiple of its longest pause, but not before SILENT_MS."""
SILENT_MS: Final = 60_000
"""Minimum time in ms without a message after which a mapping is silent."""


class MessageCounter:
    """Counter of one mapping's messages. `last_ms` is the time of the last message, or 0 if there was no message."""

    __slots__ = ("last_ms", "longest_pause_ms", "messages")

    def __init__(self) -> None:
        self.messages = 0
        self.last_ms = 0
        self.longest_pause_ms = 0

    def count(self, now_ms: int) -> None:
        """Count a message. For speed, `BurstMapper.map` contains a copy of these lines."""
        self.messages += 1
        if self.last_ms != now_ms:
            self.at(now_ms)

    def at(self, now_ms: int) -> None:
        """Store the time of a message. This time must differ from the time of the previous message."""
        if self.last_ms and now_ms - self.last_ms > self.longest_pause_ms:
            self.longest_pause_ms = now_ms - self.last_ms
        self.last_ms = now_ms


class MappingActivity(NamedTuple):
    """Messages of one mapping.

    `last_ms` is the time of the last message in milliseconds since 1970, or 0 if there was no message. If the mapping
    is silent, `silent_ms` is the time since the last message in milliseconds. Otherwise, `silent_ms` is 0.
    """

    name: str
    topic: str
    messages: int
    last_ms: int
    longest_pause_ms: int
    silent_ms: int


class UnmatchedTopic(NamedTuple):
    """One topic that no mapping matches."""

    topic: str
    messages: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class CoverageReport:
    """Coverage from `since_ms` to `at_ms`, in milliseconds since 1970.

    `topics` are the unmatched topics. The topic with the highest number of messages comes first. `other_messages` is
    the number of messages with further unmatched topics, beyond MAX_TOPICS.
    """

    since_ms: int
    at_ms: int
    mappings: tuple[MappingActivity, ...]
    topics: tuple[UnmatchedTopic, ...]
    other_messages: int

    @property
    def never(self) -> tuple[MappingActivity, ...]:
        """Mappings that have received no message."""
        return tuple(each for each in self.mappings if not each.messages)

    @property
    def silent(self) -> tuple[MappingActivity, ...]:
        """Mappings that have received messages, and are now silent."""
        return tuple(each for each in self.mappings if each.silent_ms)

    @property
    def complete(self) -> bool:
        """True if every topic is matched, and every mapping has received messages and is not silent."""
        return not (self.topics or self.never or self.silent)

    def value(self) -> dict[str, Any]:
        """Return the report as a JSON object, for /api/coverage and `coverage --json`."""
        return {
            "since_ms": self.since_ms,
            "at_ms": self.at_ms,
            "mappings": [each._asdict() for each in self.mappings],
            "unmatched_topics": [each._asdict() for each in self.topics],
            "other_unmatched_messages": self.other_messages,
        }

    @classmethod
    def of(cls, value: dict[str, Any]) -> CoverageReport:
        """Return the report for a result of the method `value`.

        Raises KeyError, TypeError or ValueError for other values.
        """
        return cls(
            int(value["since_ms"]),
            int(value["at_ms"]),
            tuple(MappingActivity(**each) for each in value["mappings"]),
            tuple(UnmatchedTopic(**each) for each in value["unmatched_topics"]),
            int(value["other_unmatched_messages"]),
        )


class TopicCoverage:
    """Coverage since the start of the process. Ingest thread only, but any thread may call `report`."""

    def __init__(self, since_ms: int) -> None:
        self._since_ms = since_ms
        self._tallies: dict[str, MessageCounter] = {}
        self._topics: dict[str, MessageCounter] = {}
        self._others = 0

    def tally(self, mapping: str) -> MessageCounter:
        """Return the counter of a mapping. A reload of the mappings does not reset the counter."""
        return self._tallies.setdefault(mapping, MessageCounter())

    def unmatched(self, topic: str, now_ms: int) -> None:
        """Count a message that no mapping matches."""
        name = topic[:MAX_TOPIC_CHARS]
        tally = self._topics.get(name)
        if tally is None:
            # Publishers choose the topics. Without a limit, their topics could fill the memory.
            if len(self._topics) >= MAX_TOPICS:
                self._others += 1
                return
            tally = self._topics[name] = MessageCounter()
        tally.messages += 1
        tally.last_ms = now_ms

    def clock_set(self, step_ms: int) -> None:
        """Add `step_ms` to all stored times, because the clock was set. So the pauses stay correct."""
        self._since_ms += step_ms
        for tally in (*self._tallies.values(), *self._topics.values()):
            if tally.last_ms:
                tally.last_ms += step_ms

    def report(self, mappings: Iterable[Mapping], at_ms: int) -> CoverageReport:
        """Return the report for these mappings."""
        # Iterate over copies, because the ingest thread may add entries at the same time.
        topics = [UnmatchedTopic(topic, tally.messages, tally.last_ms) for topic, tally in self._topics.copy().items()]
        tallies = self._tallies.copy()
        return CoverageReport(
            self._since_ms,
            at_ms,
            tuple(_of(mapping, tallies.get(mapping.name, MessageCounter()), at_ms) for mapping in mappings),
            tuple(sorted(topics, key=lambda each: (-each.messages, each.topic))),
            self._others,
        )


def _of(mapping: Mapping, tally: MessageCounter, at_ms: int) -> MappingActivity:
    # Read each attribute only once, because the ingest thread may change it at any time.
    messages, last_ms, pause_ms = tally.messages, tally.last_ms, tally.longest_pause_ms
    quiet_ms = at_ms - last_ms if messages else 0
    silent_ms = quiet_ms if quiet_ms > max(SILENT_MS, SILENT_PAUSES * pause_ms) else 0
    return MappingActivity(mapping.name, mapping.pattern.text, messages, last_ms, pause_ms, silent_ms)
