"""Colour where a person looks at a terminal: never where output is piped, or NO_COLOR is set (https://no-color.org)."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD: Final = "1"
BAD: Final = "31"
GOOD: Final = "32"
WARN: Final = "33"
"""Bold, red, green and yellow, as terminals number them: ECMA-48, SGR."""
BOOKS: Final = {"^the books balance$": GOOD, "^THE BOOKS DO NOT .*$": BAD, "^problem .*$": BAD, "^books .*$": HEAD}


def supports_colour(stream: TextIO) -> bool:
    """Whether it is a terminal that has colours, and nobody wants none."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def coloured(text: str, ink: str) -> str:
    """For a stream that is `supports_colour`."""
    return f"\x1b[{ink}m{text}\x1b[0m"


def print_coloured(text: str, inks: Mapping[str, str]) -> None:
    """Print it, at once; what a pattern finds, line by line, is in its ink."""
    if supports_colour(sys.stdout):
        for pattern, ink in inks.items():
            text = re.sub(pattern, coloured(r"\g<0>", ink), text, flags=re.MULTILINE)
    print(text, flush=True)  # noqa: T201 - the command line's


def print_error(text: object) -> None:
    """On standard error; what it is about, up to a colon and a space, stands out."""
    about, colon, more = str(text).partition(": ")
    about = coloured(about, BAD) if supports_colour(sys.stderr) else about
    print(about + colon + more, file=sys.stderr)  # noqa: T201 - as above
