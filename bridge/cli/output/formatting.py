"""Durations, sizes and counts as text for people."""

from __future__ import annotations

from bridge.durations import approximate, duration, estimate, pluralize, size_text

__all__ = ["approximate", "duration", "estimate", "pluralize", "size_text"]
