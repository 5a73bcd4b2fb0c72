"""Limit on log lines that clients of the page can cause, for example by malformed requests."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

LINE_SECS: Final = 60.0
"""Shortest time between two log lines with the same text."""
MAX_TEXTS: Final = 100


class LimitedLines(logging.Filter):
    """Log filter that passes each text at most once a minute, with the number of suppressed repetitions."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._seen: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log the record."""
        # Compare only the first line. The other lines may be a traceback or a part of the request, which always differ.
        text, now = str(record.msg).partition("\n")[0], self._clock()
        at, suppressed = self._seen.pop(text, (float("-inf"), 0))
        passes = now - at >= LINE_SECS
        self._seen[text] = (now, 0) if passes else (at, suppressed + 1)
        # A text moves to the end whenever it occurs. So the first text has not occurred for the longest time.
        if len(self._seen) > MAX_TEXTS:
            del self._seen[next(iter(self._seen))]
        if passes and suppressed:
            record.msg = f"{record.msg} ({suppressed:,} such lines were suppressed)"
        return passes
