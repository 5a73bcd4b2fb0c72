"""Text table that fits a width: it omits the least important columns first, and then shortens names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NAME_CHARS: Final = 24
"""Width of the names below which the table omits a column instead."""
_BETWEEN: Final = 2


class Column(NamedTuple):
    """Column of a table. The column with the smallest `weight` is omitted first."""

    head: str
    cells: Sequence[str]
    weight: int

    @property
    def width(self) -> int:
        """Width in characters, with the gap to the column before it."""
        return _BETWEEN + max([len(self.head), *map(len, self.cells)])


def table(head: str, names: Sequence[str], columns: Sequence[Column], width: int | None) -> Iterator[str]:
    """Yield the lines, the first with the headings; none if there are no rows. `width` None: no limit."""
    if not names:
        return
    wanted = max([len(head), *map(len, names)])
    shown = list(columns)
    while width is not None and shown and _room(shown, width) < min(wanted, _NAME_CHARS):
        shown.remove(min(shown, key=lambda each: each.weight))
    first = wanted if width is None else max(1, min(wanted, _room(shown, width)))
    yield f"{_cut(head, first):<{first}}" + "".join(f"{each.head:>{each.width}}" for each in shown)
    for row, name in enumerate(names):
        yield f"{_cut(name, first):<{first}}" + "".join(f"{each.cells[row]:>{each.width}}" for each in shown)


def _cut(name: str, chars: int) -> str:
    return name if len(name) <= chars else name[: chars - 1] + "…"


def _room(shown: Sequence[Column], width: int) -> int:
    return width - sum(each.width for each in shown)
