"""Time until the spool is full: the remaining space, divided by the rate at which the backlog grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.monitoring.problem_kinds import STALLED_SECS

if TYPE_CHECKING:
    from bridge.monitoring.flow import Flow
    from bridge.monitoring.snapshot import Snapshot


def buffer_hours(snapshot: Snapshot, flow: Flow) -> float | None:
    """Return the hours until the spool is full at the current rates.

    Return None if the backlog does not grow, or if the size of a record or the limit of the spool is unknown.
    """
    growth = _growth_per_sec(flow) * snapshot.record_bytes
    if growth <= 0 or not snapshot.spool_max_bytes:
        return None
    return _room(snapshot) / growth / 3_600


def outage_hours(snapshot: Snapshot) -> float | None:
    """Return the hours until the spool would be full if Kinesis accepted nothing. Return None if no records arrive."""
    arriving = sum(each.received_per_sec or 0.0 for each in snapshot.flows) * snapshot.record_bytes
    return _room(snapshot) / arriving / 3_600 if arriving > 0 and snapshot.spool_max_bytes else None


def _room(snapshot: Snapshot) -> float:
    """Return the bytes that still fit into the spool, because of its own limit and of the free disk space."""
    room = snapshot.spool_max_bytes - snapshot.spool_bytes
    # 0 means that the free space is unknown.
    if snapshot.disk_free_bytes:
        room = min(room, snapshot.disk_free_bytes - snapshot.spool_min_free_bytes)
    return max(0.0, room)


def _growth_per_sec(flow: Flow) -> float:
    """Return by how many records per second the backlog grows. The value is negative if the backlog shrinks."""
    growth = 0.0
    for each in flow.streams.values():
        # A stalled stream delivers nothing now. Its rate is a mean over the last minute, and may still be above 0.
        delivered = 0.0 if each.stalled_secs >= STALLED_SECS else each.delivered_per_sec or 0.0
        growth += (each.received_per_sec or 0.0) - delivered
    return growth
