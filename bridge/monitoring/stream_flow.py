"""The flow of one stream: rates, stalls, and a backlog that keeps growing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StreamFlow:
    """Flow of one stream. Rates are records per second, None while unknown.

    `stalled_secs`: seconds for which nothing was accepted although records are buffered. `behind_secs`: seconds for
    which the backlog has become older although records are delivered; 0 if it has not. `drain_secs`: seconds to deliver
    the current backlog at the current rate, None while unknown.
    """

    stream: str
    stalled_secs: float = 0.0
    behind_secs: float = 0.0
    received_per_sec: float | None = None
    delivered_per_sec: float | None = None
    drain_secs: float | None = None
