"""Rate into the spool: from the running bridge, or from the doctor's own sample at the broker."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

RECORD_BYTES: Final = 100
"""Number of bytes that a record occupies in the spool beside its data."""
BETWEEN_LOOKS_SECS: Final = 3.0


@dataclass(frozen=True, slots=True)
class SpoolRate:
    """Rate into the spool in bytes a second, and the source of the figure."""

    bytes_per_sec: float
    source: str


class SharedRate:
    """Rate from the broker check, for which the spool check waits. Two threads share it."""

    def __init__(self) -> None:
        self._told = threading.Event()
        self._rate: SpoolRate | None = None

    def tell(self, rate: SpoolRate | None) -> None:
        """Set the rate, None if it could not be measured. Only the first call counts."""
        if not self._told.is_set():
            self._rate = rate
            self._told.set()

    def rate(self, timeout_secs: float) -> SpoolRate | None:
        """Wait for the rate and return it; None if it is not known in time."""
        self._told.wait(timeout_secs)
        return self._rate


def rate_of_bridge(
    look: Callable[[], dict[str, Any] | None], between_secs: float = BETWEEN_LOOKS_SECS
) -> SpoolRate | None:
    """Return the rate between two snapshots of the running bridge; without traffic, the average since its start.

    `look` returns the response to `status`, or None where no bridge runs.
    """
    before = look()
    if before is None:
        return None
    threading.Event().wait(between_secs)
    now = look()
    if now is not None and (rate := _bytes_per_sec(before, now)):
        return SpoolRate(rate, "the present rate of the running bridge")
    if rate := _bytes_per_sec(None, now or before):
        return SpoolRate(rate, "the running bridge's average since its start, as it has nothing to do just now")
    return None


def _bytes_per_sec(before: dict[str, Any] | None, now: dict[str, Any]) -> float:
    """Estimate the rate: each record is about as large as a payload; the ledger shows the records per message."""
    began, base = (before["coverage"]["at_ms"], _sums(before)) if before else (now["coverage"]["since_ms"], (0, 0, 0))
    messages, payload_bytes, records = (each - other for each, other in zip(_sums(now), base, strict=True))
    secs = (now["coverage"]["at_ms"] - began) / 1000
    if secs <= 0 or messages <= 0:
        return 0.0
    return float(records * (payload_bytes / messages + RECORD_BYTES) / secs)


def _sums(told: dict[str, Any]) -> tuple[int, int, int]:
    """Return the totals of messages, payload bytes, and results (records and dead letters)."""
    status = told["status"]
    made = sum(row["received"] - row["filtered"] for row in status["ledger"])
    return status["received_messages"], status["payload_bytes"], made
