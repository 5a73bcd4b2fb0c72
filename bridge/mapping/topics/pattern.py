"""MQTT topic patterns with captures.

A pattern is an MQTT topic filter in which a wildcard can have a name. Such a wildcard is a capture. Expressions read
the levels that a capture matches as `captures.name`.

    {name}      matches one level, like +                 factory/{site}/telemetry
    {name...}   matches all remaining levels, like #      factory/{rest...}

The rules of MQTT 5 are in section 4.7, "Topic Names and Topic Filters":
https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901241
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_TOPIC_BYTES = 65_535
"""Maximum number of UTF-8 bytes in a topic (MQTT 5, 1.5.4 UTF-8 Encoded String)."""

# Number of parsed patterns in the cache. The cache helps, because loading a mapping parses its topic four times.
_REMEMBERED = 1000

ONE = "+"
REST = "#"
_CAPTURE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(\.\.\.)?\}")


class TopicError(ValueError):
    """An error in a topic or topic filter. The message states the reason."""


class _Level(NamedTuple):
    """One level of a pattern: its text in the MQTT filter, and the name if the level is a capture."""

    filter: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class TopicPattern:
    """The topic pattern of a mapping.

    - `text`: the option `topic`
    - `filter`: the topic filter to subscribe to
    - `levels`: the levels of `filter`
    - `names`: the captures that match one level, as pairs of name and index of the level (from 0)
    - `rest_name`: the name of a `{name...}`, or None
    - `exceptions`: the patterns of the option `except`; a topic that matches one of them does not match this pattern
    """

    text: str
    filter: str
    levels: tuple[str, ...]
    names: tuple[tuple[str, int], ...] = ()
    rest_name: str | None = None
    exceptions: tuple[TopicPattern, ...] = ()

    @staticmethod
    @lru_cache(maxsize=_REMEMBERED)
    def parse(text: str, exceptions: tuple[str, ...] = ()) -> TopicPattern:
        """Return the pattern for the options `topic` (`text`) and `except` (`exceptions`). Raise TopicError."""
        check_topic(text)
        parts = text.split("/")
        if parts[0] in {"$share", "$queue"}:
            raise TopicError(f"'{parts[0]}/' does not belong here: set `mqtt.share` to share a subscription")
        levels = [_level(part, last=number == len(parts)) for number, part in enumerate(parts, 1)]
        names = tuple((level.name, index) for index, level in enumerate(levels) if level.name is not None)
        _check_unique([name for name, _ in names])
        rest = levels[-1].name if levels[-1].filter == REST else None
        filters = tuple(level.filter for level in levels)
        # `{rest...}` is always the last level, so its name is the last entry of `names`.
        without = tuple(map(TopicPattern.parse, exceptions))
        return TopicPattern(text, "/".join(filters), filters, names if rest is None else names[:-1], rest, without)

    @property
    def captured(self) -> tuple[str, ...]:
        """Names of the captures, in the order of the levels."""
        return (*(name for name, _ in self.names), *([] if self.rest_name is None else [self.rest_name]))

    def match(self, topic: str) -> dict[str, str] | None:
        """Return the values of the captures by name if the topic matches, else None."""
        levels = topic.split("/")
        if mismatch(self.levels, levels) is not None or self.exception(levels) is not None:
            return None
        return self.captures(levels)

    def exception(self, levels: Sequence[str]) -> str | None:
        """Return the pattern in `except` that matches a topic with these levels, or None."""
        return next((each.text for each in self.exceptions if mismatch(each.levels, levels) is None), None)

    def captures(self, levels: Sequence[str]) -> dict[str, str]:
        """Return the values of the captures by name, for the levels of a topic that matches the pattern."""
        found = {name: levels[index] for name, index in self.names}
        if self.rest_name is not None:
            found[self.rest_name] = "/".join(levels[len(self.levels) - 1 :])
        return found


def check_topic(text: str) -> None:
    """Raise TopicError if the text cannot be a topic or a topic filter in an MQTT packet."""
    if not text:
        raise TopicError("is empty")
    if "\0" in text:
        raise TopicError("holds the character U+0000, which MQTT forbids")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise TopicError("holds half of a surrogate pair, which MQTT forbids") from None
    if size > MAX_TOPIC_BYTES:
        raise TopicError(f"is {size} bytes long; MQTT allows {MAX_TOPIC_BYTES}")


def check_topic_name(text: str) -> None:
    """Raise TopicError if a client cannot publish to this topic, for example because the topic has a wildcard."""
    check_topic(text)
    if ONE in text or REST in text:
        raise TopicError("a message's topic has no wildcards")


def mismatch(filter_levels: Sequence[str], levels: Sequence[str]) -> int | None:
    """Return the index (from 0) of the first level at which topic and filter differ, or None if the topic matches.

    If the topic or the filter has too few levels, return the index of the first missing level.
    """
    if levels[0].startswith("$") and filter_levels[0] in {ONE, REST}:
        # MQTT 5, 4.7.2: a wildcard at the first level does not match the broker's own topics, such as $SYS.
        return 0
    for index, wanted in enumerate(filter_levels):
        if wanted == REST:
            return None
        # The test for `#` comes before the test for the end of the topic, because `a/#` also matches `a` (4.7.1.2).
        if index == len(levels) or wanted not in {ONE, levels[index]}:
            return index
    return None if len(levels) == len(filter_levels) else len(filter_levels)


def overlap(one: Sequence[str], other: Sequence[str]) -> bool:
    """Return whether at least one topic matches both filters. The arguments are the levels of the filters."""
    for wild, private in ((one, other), (other, one)):
        if wild[0] in {ONE, REST} and private[0].startswith("$"):
            return False
    for left, right in zip(one, other, strict=False):
        if REST in {left, right}:
            return True
        if left != right and ONE not in {left, right}:
            return False
    # The loop has found no difference. `a` and `a/#` overlap, because `a/#` also matches `a`.
    longer = max(one, other, key=len)
    return len(one) == len(other) or list(longer[min(len(one), len(other)) :]) == [REST]


def covers(wide: Sequence[str], narrow: Sequence[str]) -> bool:
    """Return whether the filter `wide` matches every topic that the filter `narrow` matches."""
    if wide[0] in {ONE, REST} and narrow[0].startswith("$"):
        return False
    for index, level in enumerate(wide):
        if level == REST:
            return True
        if index == len(narrow) or narrow[index] == REST or level not in {ONE, narrow[index]}:
            return False
    return len(wide) == len(narrow)


def _level(part: str, *, last: bool) -> _Level:
    """Parse one level of a pattern. Raise TopicError if the level is invalid."""
    capture = _CAPTURE.fullmatch(part)
    if capture is not None:
        level = _Level(REST if capture[2] else ONE, capture[1])
    elif "{" in part or "}" in part:
        raise TopicError(
            f"the level '{part}' is not a capture: write {{name}} or {{name...}}, alone in its level; "
            "a name is letters, digits and _, and starts with no digit",
        )
    elif part not in {ONE, REST} and (ONE in part or REST in part):
        raise TopicError(f"the level '{part}' mixes a wildcard with text: + and # stand alone in their level")
    else:
        level = _Level(part)
    if level.filter == REST and not last:
        raise TopicError(f"'{part}' matches all remaining levels, so it must be the last level")
    return level


def _check_unique(names: Sequence[str]) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise TopicError(f"captures '{name}' twice")
