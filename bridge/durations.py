"""Text for durations, in a readable unit, and for counts."""

from __future__ import annotations

from typing import Final

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60))


def duration(secs: float, *, places: int = 0) -> str:
    """Return text such as `4.2 min`, in the largest unit that the duration reaches.

    Seconds have `places` decimal places.
    """
    return next((f"{secs / size:.1f} {unit}" for unit, size in _UNITS if secs >= size), f"{secs:.{places}f} s")


def pluralize(number: int, noun: str) -> str:
    """Return a count with its noun: `1 mapping`, `1,234 mappings`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
