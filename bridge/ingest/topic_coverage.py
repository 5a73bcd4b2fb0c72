"""Which topics no mapping matches, and which mappings get messages: bounded, and cheap enough for every message.

A mapping has gone silent when it had messages, and none for three times its longest pause so far, and for a minute at
the least: machines differ in how often they speak, so that no one number of seconds would be right for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.mapping.mapping import Mapping

MAX_TOPICS: Final = 1_000
"""Remembered by name: those that came first. The messages of all others are counted."""
MAX_TOPIC_CHARS: Final = 500
SILENT_PAUSES: Final = 3
SILENT_MS: Final = 60_000


class MessageCounter:
    """One mapping's messages. `last_ms` is 0 before the first one."""

    __slots__ = ("last_ms", "longest_pause_ms", "messages")

    def __init__(self) -> None:
        self.messages = 0
        self.last_ms = 0
        self.longest_pause_ms = 0

    def count(self, now_ms: int) -> None:
        """A message. The ingest loop does the same without the call."""
        self.messages += 1
        if self.last_ms != now_ms:
            self.at(now_ms)

    def at(self, now_ms: int) -> None:
        """A message came, and the one before it at another time."""
        if self.last_ms and now_ms - self.last_ms > self.longest_pause_ms:
            self.longest_pause_ms = now_ms - self.last_ms
        self.last_ms = now_ms


class MappingActivity(NamedTuple):
    """One mapping. `last_ms` is milliseconds since 1970, or 0 if it had no message; `silent_ms` is 0 if it is not."""

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
    """From `since_ms` to `at_ms`, both milliseconds since 1970. Topics with most messages first.

    `other_messages` came on topics beyond the MAX_TOPICS that are remembered.
    """

    since_ms: int
    at_ms: int
    mappings: tuple[MappingActivity, ...]
    topics: tuple[UnmatchedTopic, ...]
    other_messages: int

    @property
    def never(self) -> tuple[MappingActivity, ...]:
        """Mappings without a message."""
        return tuple(each for each in self.mappings if not each.messages)

    @property
    def silent(self) -> tuple[MappingActivity, ...]:
        """Mappings that had messages, and have none any more."""
        return tuple(each for each in self.mappings if each.silent_ms)

    @property
    def complete(self) -> bool:
        """Every topic is matched, and every mapping has its messages."""
        return not (self.topics or self.never or self.silent)

    def value(self) -> dict[str, Any]:
        """As JSON: /api/coverage, and `coverage --json`."""
        return {
            "since_ms": self.since_ms,
            "at_ms": self.at_ms,
            "mappings": [each._asdict() for each in self.mappings],
            "unmatched_topics": [each._asdict() for each in self.topics],
            "other_unmatched_messages": self.other_messages,
        }

    @classmethod
    def of(cls, value: dict[str, Any]) -> CoverageReport:
        """From what `value` gave; raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            int(value["since_ms"]),
            int(value["at_ms"]),
            tuple(MappingActivity(**each) for each in value["mappings"]),
            tuple(UnmatchedTopic(**each) for each in value["unmatched_topics"]),
            int(value["other_unmatched_messages"]),
        )


class TopicCoverage:
    """Written by one thread; `report` may be called from any."""

    def __init__(self, since_ms: int) -> None:
        self._since_ms = since_ms
        self._tallies: dict[str, MessageCounter] = {}
        self._topics: dict[str, MessageCounter] = {}
        self._others = 0

    def tally(self, mapping: str) -> MessageCounter:
        """The mapping's, which outlives a reload."""
        return self._tallies.setdefault(mapping, MessageCounter())

    def unmatched(self, topic: str, now_ms: int) -> None:
        """A message that no mapping wants."""
        name = topic[:MAX_TOPIC_CHARS]
        tally = self._topics.get(name)
        if tally is None:
            if len(self._topics) >= MAX_TOPICS:
                self._others += 1
                return
            tally = self._topics[name] = MessageCounter()
        tally.messages += 1
        tally.last_ms = now_ms

    def report(self, mappings: Iterable[Mapping], at_ms: int) -> CoverageReport:
        """How it stands, of these mappings. A copy is taken first: the other thread goes on."""
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
    # Read once: the other thread may count on in between.
    messages, last_ms, pause_ms = tally.messages, tally.last_ms, tally.longest_pause_ms
    quiet_ms = at_ms - last_ms if messages else 0
    silent_ms = quiet_ms if quiet_ms > max(SILENT_MS, SILENT_PAUSES * pause_ms) else 0
    return MappingActivity(mapping.name, mapping.pattern.text, messages, last_ms, pause_ms, silent_ms)
