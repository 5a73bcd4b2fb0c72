"""Conversion of timestamps from milliseconds since 1970 to RFC 3339 text."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(milliseconds: int) -> str:
    """Return milliseconds since 1970 as RFC 3339 text in UTC with milliseconds, such as 2023-11-14T22:13:20.000Z."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{rest:03d}Z"
