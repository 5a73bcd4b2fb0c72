"""Time until the spool is full: the remaining room, divided by the growth of the backlog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.monitoring.problem_kinds import STALLED_SECS

if TYPE_CHECKING:
    from bridge.monitoring.flow import Flow
    from bridge.monitoring.snapshot import Snapshot


def buffer_hours(snapshot: Snapshot, flow: Flow) -> float | None:
    """Return the hours for which the spool has room at the current growth; None if it does not grow or is unknown."""
    growth = _growth_per_sec(flow) * snapshot.record_bytes
    if growth <= 0 or not snapshot.spool_max_bytes:
        return None
    return _room(snapshot) / growth / 3_600


def outage_hours(snapshot: Snapshot) -> float | None:
    """Return the hours for which the spool has room if nothing is delivered; None while no record arrives."""
    arriving = sum(each.received_per_sec or 0.0 for each in snapshot.flows) * snapshot.record_bytes
    return _room(snapshot) / arriving / 3_600 if arriving > 0 and snapshot.spool_max_bytes else None


def _room(snapshot: Snapshot) -> float:
    room = snapshot.spool_max_bytes - snapshot.spool_bytes
    # An unknown value is 0. The spool stops at its own limit or at the limit of the disk, whichever is reached first.
    if snapshot.disk_free_bytes:
        room = min(room, snapshot.disk_free_bytes - snapshot.spool_min_free_bytes)
    return max(0.0, room)


def _growth_per_sec(flow: Flow) -> float:
    """Return the records per second that stay in the spool.

    A stalled stream delivers nothing now, even if the mean of its last minute is not 0.
    """
    growth = 0.0
    for each in flow.streams.values():
        delivered = 0.0 if each.stalled_secs >= STALLED_SECS else each.delivered_per_sec or 0.0
        growth += (each.received_per_sec or 0.0) - delivered
    return growth
