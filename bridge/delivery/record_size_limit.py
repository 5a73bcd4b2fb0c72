"""Maximum record size of a stream, requested from Kinesis. Not thread-safe: the sender guards it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.kinesis.limits import counted_bytes
from bridge.model import DEFAULT_RECORD_BYTES

if TYPE_CHECKING:
    from bridge.model import Record

ASK_AGAIN_SECS = 30.0
"""Pause after a failed request.

DescribeStreamSummary is limited to 20 calls a second per account:
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DescribeStreamSummary.html
"""
LOOK_AGAIN_SECS = 300.0
"""Pause before the next request if the response is expected to change later."""


class RecordSizeLimit:
    """The limit of one stream, or the time to request it.

    Until the limit is known, records up to 1 MiB are sent, and larger records wait. `described` is true after a
    response has shown that the stream exists.
    """

    def __init__(self) -> None:
        self.max_bytes: int | None = None
        self.described = False
        self._ask_at = 0.0
        self._again_at = float("inf")
        self._asking = False
        self._wanted = True

    def start_asking(self, now: float) -> bool:
        """Return whether the caller should request the limit now.

        If so, the caller later calls `answered` or `unanswered`.
        """
        if self._asking or now < self._ask_at or not (self._wanted or now >= self._again_at):
            return False
        self._asking = True
        return True

    @property
    def next_asking_at(self) -> float | None:
        """Time at which `start_asking` returns True again; None while a response or `invalidate` must come first."""
        if self._asking:
            return None
        return self._ask_at if self._wanted else max(self._ask_at, self._again_at)

    def answered(self, max_bytes: int, now: float, *, described: bool, again: bool = False) -> None:
        """Store the limit that Kinesis reported, or the default if the request is not permitted.

        With `again`, request it again after LOOK_AGAIN_SECS.
        """
        self.max_bytes, self.described = max_bytes, described
        self._asking = self._wanted = False
        self._ask_at = now + ASK_AGAIN_SECS
        self._again_at = now + LOOK_AGAIN_SECS if again else float("inf")

    def unanswered(self, now: float) -> None:
        """Note that Kinesis did not respond; request it again after ASK_AGAIN_SECS."""
        self._asking = False
        self._ask_at = now + ASK_AGAIN_SECS

    def invalidate(self) -> None:
        """Request the limit again, at most twice a minute, after Kinesis rejected a request as invalid.

        The limit may be lower now.
        """
        self._wanted = True

    def sendable_bytes(self) -> int:
        """Return the maximum size in bytes of a record that may be sent now."""
        return DEFAULT_RECORD_BYTES if self.max_bytes is None else self.max_bytes


def reject_oversized(record: Record, limit: int) -> tuple[Record, str, str]:
    """Return a record that the stream never accepts, the code of its dead letter, and the reason."""
    size = counted_bytes(record)
    return record, "too_large", f"{size} bytes of data and partition key; the stream accepts {limit}"
