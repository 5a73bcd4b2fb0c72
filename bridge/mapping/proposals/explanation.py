"""Explanation of a proposed mapping: the variable levels of its topics, and the source of the partition key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN: Final = 3


def explained(pattern: str, topics: Sequence[tuple[str, ...]], key: str) -> str:
    """Return text such as `line is line1, line2; machine is press101, …; partition key: captures.machine`.

    `pattern` is the topic of the mapping, with a capture for each variable level. `key` is the expression for the
    partition key; "" if the records are spread over all shards.
    """
    parts = [
        f"{level[1:-1]} is {_values(sorted({topic[at] for topic in topics}))}"
        for at, level in enumerate(pattern.split("/"))
        if level.startswith("{") and not level.endswith("...}")
    ]
    return "; ".join([*parts, f"partition key: {key or 'none, records are spread over all shards'}"])


def _values(values: Sequence[str]) -> str:
    more = len(values) - _SHOWN
    return ", ".join(values[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
