"""Sequence numbers (`seq`) of an edge node. The node and its devices share one counter.

The counter runs from 0 to 255, and then starts again from 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.payloads.sparkplug.birth_certificates import Last

_HIGHEST_SEQ = 255
_HALF_WAY = 128


def sequence_problem(last: Last, seq: int | None, timestamp: int) -> str:
    """Return the code of the problem with a message's sequence number, or "" if there is none.

    `last` is the last message in order of the node (birth_certificates.py). session.py lists the codes. A missing
    number counts as 0 if 0 is expected, because some encoders omit zeros.
    """
    last_seq, last_timestamp = last
    expected = last_seq + 1 & _HIGHEST_SEQ
    if (seq or 0) == expected:
        return ""
    if seq is None or seq > _HIGHEST_SEQ:
        return "invalid_seq"
    # The number is not the expected number. Numbers wrap around, so the message may be newer or older than the last
    # message:
    # 1. The same number and timestamp as the last message: `duplicate`.
    # 2. A number up to 128 ahead, or a newer timestamp, or no timestamp: `gap`.
    # 3. All other cases: `late`.
    behind = last_seq - seq & _HIGHEST_SEQ
    if behind == 0 and timestamp == last_timestamp:
        return "duplicate"
    return "gap" if behind >= _HALF_WAY or timestamp > last_timestamp or not timestamp else "late"
