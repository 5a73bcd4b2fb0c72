"""Explanation of a proposed mapping: which levels of the topic vary, and which expression is the partition key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

# Maximum number of values of a level that an explanation lists.
_SHOWN: Final = 3


def proposal_reason(pattern: str, topics: Sequence[tuple[str, ...]], key: str) -> str:
    """Return text such as `line is line1, line2; machine is press101, …; partition key: captures.machine`.

    `pattern` is the topic of the mapping, with a capture for each level that varies. `topics` are the levels of the
    observed topics. `key` is the expression for the partition key, or "" if the records have none.
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
