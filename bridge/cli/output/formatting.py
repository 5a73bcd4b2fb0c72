"""Numbers of things, as people write them."""

from __future__ import annotations

from typing import Final

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60))


def pluralize(number: int, noun: str) -> str:
    """`1 mapping`, `1,234 mappings`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def duration(secs: float, *, places: int = 0) -> str:
    """In the largest unit that there is one of; seconds with so many decimal places."""
    return next((f"{secs / size:.1f} {unit}" for unit, size in _UNITS if secs >= size), f"{secs:.{places}f} s")
