"""Sequence numbers of an edge node.

They count from 0 to 255, and then from 0 again, over all messages of the node and its devices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.payloads.sparkplug.birth_certificates import Last

_HIGHEST_SEQ = 255
_HALF_WAY = 128


def sequence_problem(last: Last, seq: int | None, timestamp: int) -> str:
    """Return the problem (session.py lists them), or "" if there is none.

    A missing number counts as 0 if 0 is expected, because some encoders omit zeros.
    """
    last_seq, last_timestamp = last
    expected = last_seq + 1 & _HIGHEST_SEQ
    if (seq or 0) == expected:
        return ""
    if seq is None or seq > _HIGHEST_SEQ:
        return "invalid_seq"
    # Numbers wrap around, so the distance alone does not decide every case. The timestamp then decides:
    # 1. The same number and the same timestamp: `duplicate`.
    # 2. At most half the range ahead, or a newer timestamp, or no timestamp: `gap`.
    # 3. Any other number: `late`.
    behind = last_seq - seq & _HIGHEST_SEQ
    if behind == 0 and timestamp == last_timestamp:
        return "duplicate"
    return "gap" if behind >= _HALF_WAY or timestamp > last_timestamp or not timestamp else "late"
