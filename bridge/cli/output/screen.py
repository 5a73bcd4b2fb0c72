"""Where `status --watch` shows what it sees: one screen of a terminal, or one text after the other."""

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
    """Made for a width; None: as wide as they come."""

_LOOK_SECS: Final = 0.2
"""When the window has changed its size, what is in it is drawn anew within this time."""
_TERMINATED: Final = 128 + signal.SIGTERM
_STYLES: Final = {GOOD: "green", WARN: "yellow", BAD: "red", HEAD: "bold"}
_INKS: Final = {
    r"^problem .*(\n {10}.*)*": BAD,
    "^THE BOOKS DO NOT .*$": BAD,
    "^the books balance$": GOOD,
    "^(stream|mapping|worker) +(state|received/s)( .*)?$": HEAD,
    "^nothing heard .*$": WARN,
    r"(?<= )(ok|running|drained|subscribed)\b": GOOD,
    r"(?<= )(retrying|draining|starting|connected|not shrinking)\b": WARN,
    r"(?<= )(refused|restarting|stopped|not connected)\b": BAD,
}


class Screen(Protocol):
    """Belongs to one thread."""

    def show(self, lines: Lines) -> None:
        """These from now on."""

    def wait(self, secs: float) -> None:
        """Until it is time for others."""


class PlainScreen:
    """Each text below the one before."""

    def show(self, lines: Lines) -> None:
        """Print them."""
        print("\n".join(lines(None)), flush=True)

    def wait(self, secs: float) -> None:
        """Nothing else is to be done meanwhile."""
        Event().wait(secs)


class LiveScreen:
    """In the place of what was there before; drawn anew when the window changes its size."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._lines: Lines = lambda _width: []
        self._size = (0, 0)

    def show(self, lines: Lines) -> None:
        """Draw them."""
        self._lines, self._size = lines, self._live.console.size
        width, height = self._size
        self._live.update(_inked(clip_to_height(lines(width), height)), refresh=True)

    def wait(self, secs: float) -> None:
        """And look at the window's size."""
        until = time.monotonic() + secs
        while (left := until - time.monotonic()) > 0:
            Event().wait(min(left, _LOOK_SECS))
            if self._live.console.size != self._size:
                self.show(self._lines)


@contextmanager
def open_screen(*, plain: bool) -> Iterator[Screen]:
    """The whole terminal, given back as it was however this ends; or, where there is none, lines."""
    if plain or not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        yield PlainScreen()
        return
    from rich.live import Live  # noqa: PLC0415 - only a terminal needs it

    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    try:
        with Live(screen=True, auto_refresh=False) as live:
            yield LiveScreen(live)
    finally:
        signal.signal(signal.SIGTERM, before)


def clip_to_height(lines: list[str], height: int) -> list[str]:
    """What is beyond the last line is counted, so that nobody takes it for nothing."""
    if len(lines) <= height:
        return lines
    more = len(lines) - height + 1
    return [*lines[: height - 1], f"... {more} lines more: make the window higher"]


def _inked(lines: list[str]) -> Text:
    """In colour, where that is wanted."""
    from rich.text import Text  # noqa: PLC0415 - as above

    text = Text("\n".join(lines), no_wrap=True, overflow="ellipsis")
    if supports_colour(sys.stdout):
        for pattern, ink in _INKS.items():
            text.highlight_regex(f"(?m){pattern}", _STYLES[ink])
    return text
