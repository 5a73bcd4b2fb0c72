"""Links to AWS as text, and log lines about a link that limits delivery.

A link that limits delivery is not a problem (see `problem_rules.py`) while the backlog does not grow.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.delivery.endpoint_status import EndpointStatus

log = logging.getLogger(__name__)

LIMITED_SECS: Final = 60.0
"""A link limits delivery if requests have waited for it for this number of seconds.

Shorter waits are normal, because a burst of messages fills any link for some seconds.
"""
_KILOBYTE: Final = 1_000
_MEGABYTE: Final = 1_000_000
_TENTH: Final = 0.1
AGAIN_SECS: Final = 3_600.0
"""Minimum seconds between two log lines about one link. Without this pause, a slow link would fill the log."""


class LinkLog:
    """Logger of the links that limit delivery. It logs each link at most once an hour. Not thread-safe."""

    def __init__(self) -> None:
        self._reported_at: dict[str, float] = {}

    def observe(self, endpoints: Iterable[EndpointStatus], now: float) -> None:
        """Log the endpoints whose requests have waited for the link for a minute.

        `now` is in seconds of a monotonic clock.
        """
        for each in endpoints:
            reported_at = self._reported_at.get(each.endpoint, float("-inf"))
            if each.limited_secs >= LIMITED_SECS and now - reported_at >= AGAIN_SECS:
                self._reported_at[each.endpoint] = now
                log.warning("delivery is limited by the %s", link_text(each))


def link_text(endpoint: EndpointStatus) -> str:
    """Return a text such as `link HOST: 31 kB/s measured, answers after 0.4 s, requests of 16 kB, 2 in flight`."""
    measured = f"{_kilobytes(endpoint.bandwidth)}/s measured" if endpoint.bandwidth else "not measured yet"
    parts = [
        f"link {endpoint.endpoint}: {measured}",
        f"answers after {_seconds(endpoint.answer_secs)}" if endpoint.bandwidth and endpoint.answer_secs else "",
        f"requests of {_kilobytes(endpoint.request_bytes)}",
        f"{endpoint.requests} in flight",
        f"{endpoint.timeouts:,} time-out{'' if endpoint.timeouts == 1 else 's'}",
        f"{endpoint.outcome_unknown:,} with unknown outcome" if endpoint.outcome_unknown else "",
    ]
    return ", ".join(part for part in parts if part)


def _seconds(secs: float) -> str:
    """Return a text such as `3 ms`, `0.4 s` or `12.3 s`."""
    return f"{1000 * secs:.0f} ms" if secs < _TENTH else f"{secs:.1f} s"


def _kilobytes(size: float) -> str:
    """Return a text such as `4.0 kB`, `31 kB` or `1.2 MB`. The values are not precise enough for more digits."""
    if size >= _MEGABYTE:
        return f"{size / _MEGABYTE:,.1f} MB"
    return f"{size / _KILOBYTE:,.{0 if size >= 10 * _KILOBYTE else 1}f} kB"
