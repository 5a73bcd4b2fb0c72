"""Output of `status --watch`: on a terminal a full-screen view, otherwise one text after another."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Final, Protocol

from bridge.terminal import BAD, GOOD, HEAD, WARN, supports_colour

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.live import Live
    from rich.text import Text

    Lines = Callable[[int | None], list[str]]
    """Function that returns the lines for a width in characters. None means that the width is not limited."""

# Seconds between two checks of the window size.
_REDRAW_CHECK_SECS: Final = 0.2
# Exit code that a shell reports for a process that SIGTERM has ended.
_TERMINATED: Final = 128 + signal.SIGTERM
# Names of the colours of `bridge.terminal` in rich.
_STYLES: Final = {GOOD: "green", WARN: "yellow", BAD: "red", HEAD: "bold"}
# Colours of the texts that match these regular expressions.
_COLOURS: Final = {
    r"^ERROR .*": BAD,
    r"^WARNING .*": WARN,
    r"^OK .*": GOOD,
    r"\bACCOUNTING MISMATCH.*$": BAD,
    r"\baccounting OK$": GOOD,
    "^(stream|mapping|worker) +(state|received/s)( .*)?$": HEAD,
    "^no response .*$": WARN,
    r"(?<= )(ok|running|drained|subscribed)\b": GOOD,
    r"(?<= )(retrying|draining|starting|connected|not shrinking)\b": WARN,
    r"(?<= )(refused|restarting|stopped|not connected)\b": BAD,
}


class Screen(Protocol):
    """Output for `status --watch`. Only one thread uses it."""

    def show(self, lines: Lines) -> None:
        """Show the lines until the next call."""

    def wait(self, secs: float) -> None:
        """Wait for this number of seconds."""


class PlainScreen:
    """Screen that prints each text below the previous text."""

    def show(self, lines: Lines) -> None:
        """Print the lines."""
        print("\n".join(lines(None)), flush=True)

    def wait(self, secs: float) -> None:
        """Wait for this number of seconds."""
        Event().wait(secs)


class LiveScreen:
    """Full-screen view on a terminal. New lines replace the previous lines."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._lines: Lines = lambda _width: []
        self._size = (0, 0)

    def show(self, lines: Lines) -> None:
        """Draw the lines for the current size of the window."""
        self._lines, self._size = lines, self._live.console.size
        width, height = self._size
        self._live.update(_coloured(clip_to_height(lines(width), height)), refresh=True)

    def wait(self, secs: float) -> None:
        """Wait for this number of seconds. If the size of the window changes, draw the lines again."""
        until = time.monotonic() + secs
        while (left := until - time.monotonic()) > 0:
            Event().wait(min(left, _REDRAW_CHECK_SECS))
            if self._live.console.size != self._size:
                self.show(self._lines)


@contextmanager
def open_screen(*, plain: bool) -> Iterator[Screen]:
    """Open the full-screen view, or plain output if there is no terminal. At the end, restore the terminal."""
    if plain or not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        yield PlainScreen()
        return
    from rich.live import Live  # noqa: PLC0415 - only a terminal needs it

    # By default, SIGTERM would end the process immediately, and the terminal would stay in full-screen mode.
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    try:
        with Live(screen=True, auto_refresh=False) as live:
            yield LiveScreen(live)
    finally:
        signal.signal(signal.SIGTERM, before)


def clip_to_height(lines: list[str], height: int) -> list[str]:
    """Return at most `height` lines. If some lines are omitted, the last line shows their number."""
    # The height is 0 while a terminal has no size yet.
    height = max(1, height)
    if len(lines) <= height:
        return lines
    more = len(lines) - height + 1
    return [*lines[: height - 1], f"... {more} more lines: enlarge the window"]


def _coloured(lines: list[str]) -> Text:
    """Return the lines as text, in colour if the terminal supports it."""
    from rich.text import Text  # noqa: PLC0415 - as above

    text = Text("\n".join(lines), no_wrap=True, overflow="ellipsis")
    if supports_colour(sys.stdout):
        for pattern, colour in _COLOURS.items():
            text.highlight_regex(f"(?m){pattern}", _STYLES[colour])
    return text
