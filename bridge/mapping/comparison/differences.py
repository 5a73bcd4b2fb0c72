"""Differences between the results of two sets of mappings for one message, as text or JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.mapping.comparison.outcomes import ChangeKind
from bridge.mapping.rendering import record_line, rejection_line
from bridge.mapping.selftest.value_diff import table
from bridge.model import Rejection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.mapping.comparison.outcomes import Difference, RecordOrRejection

_RECORD_CHARS: Final = 200


def lines_of(differences: Sequence[Difference]) -> Iterator[str]:
    """Yield the differences as lines of text. Equal records are omitted."""
    for each in differences:
        if each.what is ChangeKind.SAME:
            continue
        if each.what is ChangeKind.CHANGED:
            yield f"{each.what:<13} {each.data_stream}"
            yield from (f"    {line}" for line in table(each.changed, "old", "new"))
            continue
        # If a record is now rejected, yield two lines: the new rejection, then the old record.
        if each.new is not None:
            yield f"{each.what:<13} {_line(each.new)}"
        if each.old is not None:
            yield f"{each.what if each.new is None else 'before':<13} {_line(each.old)}"


def values_of(differences: Sequence[Difference]) -> list[dict[str, Any]]:
    """Return the differences as JSON values. Equal records are omitted."""
    return [
        {
            "what": each.what.value,
            "data_stream": each.data_stream,
            "old": each.old.value() if each.old is not None else None,
            "new": each.new.value() if each.new is not None else None,
        }
        for each in differences
        if each.what is not ChangeKind.SAME
    ]


def _line(item: RecordOrRejection) -> str:
    if isinstance(item.result, Rejection):
        return rejection_line(item.mapping, item.result)
    return record_line(item.mapping, item.result, _RECORD_CHARS)
