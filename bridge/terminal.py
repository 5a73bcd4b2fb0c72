"""Output for terminals: colours, and tables with a maximum width.

Text is coloured only on terminals, and only if NO_COLOR is not set (https://no-color.org).
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Final, NamedTuple, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# Minimum width in characters of a table's first column, which contains the names of the rows. If the names would get
# less, another column is omitted.
_NAME_CHARS: Final = 24
# Number of spaces between two columns.
_BETWEEN: Final = 2

HEAD: Final = "1"
BAD: Final = "31"
GOOD: Final = "32"
WARN: Final = "33"
"""SGR codes (ECMA-48) for text: HEAD is bold, BAD is red, GOOD is green, and WARN is yellow."""
LEDGER_COLOURS: Final = {
    "^accounting OK.*$": GOOD,
    "^ACCOUNTING MISMATCH.*$": BAD,
    "^ERROR .*$": BAD,
    "^WARNING .*$": WARN,
    "^OK .*$": GOOD,
    "^ledger .*$": HEAD,
}


def supports_colour(stream: TextIO) -> bool:
    """Return whether the stream is a colour terminal and NO_COLOR is unset."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def coloured(text: str, code: str) -> str:
    """Return the text with an SGR code. Call this only if `supports_colour` is true for the output stream."""
    return f"\x1b[{code}m{text}\x1b[0m"


def print_coloured(text: str, colours: Mapping[str, str]) -> None:
    """Print the text and flush. On a terminal, colour the matches of the regular expressions in `colours`.

    `colours` contains an SGR code for each expression. `^` and `$` match at the beginning and the end of each line.
    """
    if supports_colour(sys.stdout):
        for pattern, code in colours.items():
            text = re.sub(pattern, coloured(r"\g<0>", code), text, flags=re.MULTILINE)
    print(text, flush=True)  # noqa: T201 - output of a command


def print_error(text: object) -> None:
    """Print an error to standard error. On a terminal, the text up to the first colon and space is red."""
    about, colon, more = str(text).partition(": ")
    about = coloured(about, BAD) if supports_colour(sys.stderr) else about
    print(about + colon + more, file=sys.stderr)  # noqa: T201 - output of a command


class Column(NamedTuple):
    """Column of a table. If the table is too wide, the column with the smallest `weight` is omitted first."""

    head: str
    cells: Sequence[str]
    weight: int

    @property
    def width(self) -> int:
        """Width in characters, including the space before the column."""
        return _BETWEEN + max([len(self.head), *map(len, self.cells)])


def table(head: str, names: Sequence[str], columns: Sequence[Column], width: int | None) -> Iterator[str]:
    """Yield the lines of a table. The first line has the headings. Without rows, yield nothing.

    `width` is the maximum width in characters, or None for no limit. If the table is wider, columns are omitted. If it
    is still wider, the names are shortened.
    """
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
