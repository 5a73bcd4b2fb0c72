"""Report of `diff`: the totals, and the differences of each message, as text or JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bridge.durations import pluralize
from bridge.mapping.comparison.differences import lines_of, values_of
from bridge.mapping.comparison.outcomes import ChangeKind
from bridge.mapping.rendering import printable
from bridge.timestamps import rfc3339
from bridge.yaml_files import path_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.mapping.comparison.outcomes import Difference
    from bridge.tools.capture.file_format import CapturedMessage

MAX_PATHS: Final = 1_000
"""Maximum number of paths that are counted separately. Further paths are counted together as `other values`.

The limit bounds the memory. If the keys of an object are serial numbers, for example, each serial number is a path.
"""
_SHOWN_PATHS: Final = 10
_OTHER = "other values"


@dataclass(slots=True)
class Report:
    """Totals over the messages of a capture file.

    `unmatched` counts the messages that no mapping matches. `cut` counts the messages that were not compared, because
    the file has only the first part of their payload. For each path, `values` counts the records whose value at this
    path changed.
    """

    messages: int = 0
    differing: int = 0
    unmatched: int = 0
    cut: int = 0
    counts: Counter[ChangeKind] = field(default_factory=Counter)
    values: Counter[str] = field(default_factory=Counter)

    def add(self, differences: Sequence[Difference]) -> None:
        """Add the differences of one message."""
        self.messages += 1
        self.differing += any(each.what is not ChangeKind.SAME for each in differences)
        for each in differences:
            self.counts[each.what] += 1
            if each.what is ChangeKind.CHANGED:
                self.values.update({self._name(change.path) for change in each.changed})

    def _name(self, path: tuple[str | int, ...]) -> str:
        """Return a path as text. All items of a list share one path: `data.readings[].value`."""
        name = path_text(tuple("*" if isinstance(part, int) else part for part in path)).replace("['*']", "[]")
        return name if name in self.values or len(self.values) < MAX_PATHS else _OTHER

    @property
    def same(self) -> bool:
        """True if no message differs."""
        return not self.differing

    def lines(self) -> Iterator[str]:
        """Yield the totals as lines of text."""
        width = max(len(f"{count:,}") for count in (*self.counts.values(), self.messages))
        yield f"{self.messages:>{width},} messages, {self.differing:,} differ"
        for what in ChangeKind:
            yield f"{self.counts[what]:>{width},} {what}"
        if self.values:
            yield "changed values:"
            width = max(len(f"{count:,}") for count in self.values.values())
            yield from (
                f"  {count:>{width},} x {printable(name)}" for name, count in self.values.most_common(_SHOWN_PATHS)
            )
        if len(self.values) > _SHOWN_PATHS:
            yield f"  ... and {len(self.values) - _SHOWN_PATHS} more"
        if self.unmatched:
            number = pluralize(self.unmatched, "message")
            yield f"note: no mapping, old or new, matches {number} (see `coverage`)"
        if self.cut:
            number = pluralize(self.cut, "message")
            yield f"note: not compared: {number} of which the capture contains only the beginning"

    def value(self) -> dict[str, Any]:
        """Return the totals as JSON values."""
        return {
            "messages": self.messages,
            "differing_messages": self.differing,
            "unmatched_messages": self.unmatched,
            "cut_messages": self.cut,
            "records": {what.value: self.counts[what] for what in ChangeKind},
            "changed_values": dict(self.values.most_common()),
        }


def difference_lines(captured: CapturedMessage, differences: Sequence[Difference]) -> Iterator[str]:
    """Yield the differences of one message as lines of text."""
    message = captured.message
    yield f"line {captured.line}: {printable(message.topic)}, {rfc3339(message.received_at_ms)}"
    yield from (f"  {line}" for line in lines_of(differences))


def as_json(captured: CapturedMessage, differences: Sequence[Difference]) -> dict[str, Any]:
    """Return the differences of one message as JSON values."""
    return {
        "line": captured.line,
        "received_at": rfc3339(captured.message.received_at_ms),
        "topic": captured.message.topic,
        "differences": values_of(differences),
    }
