"""Output for terminals: colours, and tables that fit a width.

Text is coloured on terminals, but not in pipes or with NO_COLOR set (https://no-color.org).
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Final, NamedTuple, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# Minimum width of the names in a table. To leave this width for them, a column is omitted.
_NAME_CHARS: Final = 24
_BETWEEN: Final = 2

HEAD: Final = "1"
BAD: Final = "31"
GOOD: Final = "32"
WARN: Final = "33"
"""SGR codes for bold, red, green and yellow (ECMA-48)."""
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


def coloured(text: str, ink: str) -> str:
    """Return the text with SGR code `ink`. Use only for a stream for which `supports_colour` is true."""
    return f"\x1b[{ink}m{text}\x1b[0m"


def print_coloured(text: str, inks: Mapping[str, str]) -> None:
    """Print the text and flush. Matches of each pattern in `inks`, line by line, get the pattern's SGR code."""
    if supports_colour(sys.stdout):
        for pattern, ink in inks.items():
            text = re.sub(pattern, coloured(r"\g<0>", ink), text, flags=re.MULTILINE)
    print(text, flush=True)  # noqa: T201 - the command line's


def print_error(text: object) -> None:
    """Print an error to standard error. The subject, up to the first colon and space, is red on a terminal."""
    about, colon, more = str(text).partition(": ")
    about = coloured(about, BAD) if supports_colour(sys.stderr) else about
    print(about + colon + more, file=sys.stderr)  # noqa: T201 - as above


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
    """Yield the lines, the first with the headings; none if there are no rows.

    In a table wider than `width` characters (None: no limit), the columns of the least weight are omitted first, and
    then the names are shortened.
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
