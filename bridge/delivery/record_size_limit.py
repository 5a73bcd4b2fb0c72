"""Maximum record size of a stream, requested from Kinesis. Callers hold the lock of the sender pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.kinesis.limits import counted_bytes
from bridge.model import DEFAULT_RECORD_BYTES

if TYPE_CHECKING:
    from bridge.model import Record

MIN_INTERVAL_SECS = 30.0
"""Minimum seconds between two requests, because DescribeStreamSummary is limited to 20 calls a second per account:
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DescribeStreamSummary.html
"""
RECHECK_SECS = 300.0
"""Seconds after which the limit is requested again, if the response is expected to change."""


class RecordSizeLimit:
    """Limit of one stream, and the schedule of the requests for it.

    Until the limit is known, records up to 1 MiB are sent, and larger records wait. `described` is true after a
    response has shown that the stream exists.
    """

    def __init__(self) -> None:
        self.max_bytes: int | None = None
        self.described = False
        self._not_before = 0.0
        self._recheck_at = float("inf")
        self._in_flight = False
        self._wanted = True

    def start_request(self, now: float) -> bool:
        """Return whether the caller should request the limit now.

        If the result is True, the caller must send the request, and then call `succeeded` or `failed`.
        """
        if self._in_flight or now < self._not_before or not (self._wanted or now >= self._recheck_at):
            return False
        self._in_flight = True
        return True

    @property
    def next_request_at(self) -> float | None:
        """Time from which `start_request` returns True; infinite if no further request is needed.

        The time is None while a request is in flight.
        """
        if self._in_flight:
            return None
        return self._not_before if self._wanted else max(self._not_before, self._recheck_at)

    def succeeded(self, max_bytes: int, now: float, *, described: bool, again: bool = False) -> None:
        """Store the limit that Kinesis returned, or the default limit if the request is not permitted.

        With `again`, the limit is requested again after RECHECK_SECS.
        """
        self.max_bytes, self.described = max_bytes, described
        self._in_flight = self._wanted = False
        self._not_before = now + MIN_INTERVAL_SECS
        self._recheck_at = now + RECHECK_SECS if again else float("inf")

    def failed(self, now: float) -> None:
        """Note that the request failed. The limit is requested again after MIN_INTERVAL_SECS."""
        self._in_flight = False
        self._not_before = now + MIN_INTERVAL_SECS

    def invalidate(self) -> None:
        """Request the limit again, because Kinesis rejected a PutRecords request as invalid.

        A possible reason is that the limit is lower now. The limit is requested at most twice a minute.
        """
        self._wanted = True

    def sendable_bytes(self) -> int:
        """Return the maximum size in bytes of the records that may be sent now."""
        return DEFAULT_RECORD_BYTES if self.max_bytes is None else self.max_bytes


def reject_oversized(record: Record, limit: int) -> tuple[Record, str, str]:
    """Return the parts of a dead letter for a record that is too large: the record, the code, and the reason."""
    size = counted_bytes(record)
    return record, "too_large", f"{size} bytes of data and partition key; the stream accepts {limit}"
