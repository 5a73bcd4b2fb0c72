"""Counts as text for people."""

from __future__ import annotations

from bridge.durations import duration, pluralize

__all__ = ["duration", "pluralize"]
