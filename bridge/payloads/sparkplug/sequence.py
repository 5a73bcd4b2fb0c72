"""The sequence numbers of an edge node: 0 to 255 and round again, over all its messages and those of its devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.payloads.sparkplug.birth_certificates import Last

_HIGHEST_SEQ = 255
_HALF_WAY = 128


def sequence_problem(last: Last, seq: int | None, timestamp: int) -> str:
    """Give the problem (session.py lists them), '' if there is none.

    A missing number stands for 0 where 0 is next: some encoders leave zeros out.
    """
    last_seq, last_timestamp = last
    expected = last_seq + 1 & _HIGHEST_SEQ
    if (seq or 0) == expected:
        return ""
    if seq is None or seq > _HIGHEST_SEQ:
        return "invalid_seq"
    behind = last_seq - seq & _HIGHEST_SEQ
    if behind == 0 and timestamp == last_timestamp:
        return "duplicate"
    return "gap" if behind >= _HALF_WAY or timestamp > last_timestamp or not timestamp else "late"
