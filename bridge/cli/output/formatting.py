"""Formatting of counts for people."""

from __future__ import annotations

from bridge.durations import duration

__all__ = ["duration", "pluralize"]


def pluralize(number: int, noun: str) -> str:
    """Return a count with its noun: `1 mapping`, `1,234 mappings`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
