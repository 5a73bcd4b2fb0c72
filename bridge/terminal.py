"""Coloured output on terminals, but not into pipes or with NO_COLOR set (https://no-color.org)."""

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
"""SGR codes for bold, red, green and yellow (ECMA-48)."""
BOOKS: Final = {
    "^the books balance$": GOOD,
    "^THE BOOKS DO NOT .*$": BAD,
    "^ERROR .*$": BAD,
    "^WARNING .*$": WARN,
    "^OK .*$": GOOD,
    "^books .*$": HEAD,
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
