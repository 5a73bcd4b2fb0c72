"""Conversion of durations, sizes and counts to text for people."""

from __future__ import annotations

from typing import Final

_YEAR_SECS: Final = 365 * 86_400
_SIZES: Final = ("bytes", "KiB", "MiB", "GiB", "TiB")
# Sizes of at least this value are shown without a decimal place (`14 MiB`), as on the status page.
_WHOLE_FROM: Final = 9.95
_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60))


def duration(secs: float, *, places: int = 0) -> str:
    """Return a duration as text, such as `4.2 min`.

    A duration below one minute is in seconds, with `places` decimal places.
    """
    return next((f"{secs / size:.1f} {unit}" for unit, size in _UNITS if secs >= size), f"{secs:.{places}f} s")


def estimate(secs: float) -> str:
    """Return an estimated duration as text, such as `4.2 min` or `more than a year`."""
    return duration(secs) if secs < _YEAR_SECS else "more than a year"


def approximate(number: float) -> str:
    """Return a measured number rounded to two digits, or to one digit if it is below 1: `3,900`, `41`, `0.4`."""
    return f"{float(f'{number:.1e}'):,.0f}" if number >= 1 else f"{number:.1g}"


def size_text(size: float) -> str:
    """Return a size in bytes as text, such as `512 bytes`, `1.2 MiB` or `14 MiB`. The status page rounds equally."""
    unit = 0
    while size >= 1023.5 and unit < len(_SIZES) - 1:  # noqa: PLR2004 - a larger size would be shown as 1,024
        size, unit = size / 1024, unit + 1
    places = 1 if unit and size < _WHOLE_FROM and size % 1 else 0
    return f"{size:,.{places}f} {_SIZES[unit]}"


def pluralize(number: int, noun: str) -> str:
    """Return a count with its noun: `1 mapping`, `1,234 mappings`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
