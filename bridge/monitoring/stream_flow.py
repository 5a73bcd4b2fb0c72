"""Flow of one stream: rates, and for how long it stalls or falls behind."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StreamFlow:
    """Flow of one stream. Rates are in records per second, None while they are unknown.

    stalled_secs   seconds since Kinesis last accepted a record, while records are buffered; otherwise 0
    behind_secs    seconds for which the stream has been falling behind: it delivers records, but its backlog becomes
                   older. The value is 0 if the stream does not fall behind
    drain_secs     seconds until the current backlog is delivered at the current rate, or None while this is unknown
    """

    stream: str
    stalled_secs: float = 0.0
    behind_secs: float = 0.0
    received_per_sec: float | None = None
    delivered_per_sec: float | None = None
    drain_secs: float | None = None
