"""The flow of one stream: rates, stalls, and a backlog that grows without end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StreamFlow:
    """Flow of one stream. Rates are records per second, None while unknown.

    `stalled_secs`: for how long nothing was accepted although records are buffered. `behind_secs`: for how long the
    backlog has become older although records are delivered; 0 while it does not. `drain_secs`: how long delivering the
    present backlog takes at the present rate, None while unknown.
    """

    stream: str
    stalled_secs: float = 0.0
    behind_secs: float = 0.0
    received_per_sec: float | None = None
    delivered_per_sec: float | None = None
    drain_secs: float | None = None
