"""Rate into the spool, from the running bridge or from a sample at the broker."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

RECORD_BYTES: Final = 100
"""Number of bytes that a record occupies in the spool in addition to its data."""
SAMPLE_SECS: Final = 3.0


@dataclass(frozen=True, slots=True)
class SpoolRate:
    """Rate into the spool in bytes a second, and the source of the figure."""

    bytes_per_sec: float
    source: str


class SharedRate:
    """Rate from the broker check. The spool check, on another thread, waits for it."""

    def __init__(self) -> None:
        self._is_set = threading.Event()
        self._rate: SpoolRate | None = None

    def set_rate(self, rate: SpoolRate | None) -> None:
        """Set the rate, None if it could not be measured. Only the first call counts."""
        if not self._is_set.is_set():
            self._rate = rate
            self._is_set.set()

    def rate(self, timeout_secs: float) -> SpoolRate | None:
        """Wait for the rate and return it; None if it is not known in time."""
        self._is_set.wait(timeout_secs)
        return self._rate


def rate_of_bridge(
    read_status: Callable[[], dict[str, Any] | None], between_secs: float = SAMPLE_SECS
) -> SpoolRate | None:
    """Return the rate between two snapshots of the running bridge; without traffic, the average since its start.

    The ledger counts all runs, so the average uses the records that this run delivered or has in the spool. A backlog
    of earlier runs is among them, which makes the estimate too high rather than too low.

    `read_status` returns the response to `status`, or None where no bridge runs.
    """
    before = read_status()
    if before is None:
        return None
    threading.Event().wait(between_secs)
    now = read_status()
    if now is not None and (rate := _present(before, now)):
        return SpoolRate(rate, "present rate of the running bridge")
    if rate := _average(now or before):
        return SpoolRate(rate, "average of the running bridge since its start; no traffic now")
    return None


def _present(before: dict[str, Any], now: dict[str, Any]) -> float:
    messages, payload_bytes, records = (each - other for each, other in zip(_sums(now), _sums(before), strict=True))
    return _bytes_per_sec(messages, payload_bytes, records, now["coverage"]["at_ms"] - before["coverage"]["at_ms"])


def _average(now: dict[str, Any]) -> float:
    messages, payload_bytes, made = _sums(now)
    status, seen = now["status"], now["coverage"]
    delivered = sum(stream["delivered"] + stream["rejected"] for stream in status["streams"])
    records = min(made, delivered + sum(row["spooled"] for row in status["ledger"]))
    return _bytes_per_sec(messages, payload_bytes, records, seen["at_ms"] - seen["since_ms"])


def _bytes_per_sec(messages: int, payload_bytes: int, records: int, millis: float) -> float:
    """Estimate the rate: each record is about as large as a payload."""
    if millis <= 0 or messages <= 0:
        return 0.0
    return float(records * (payload_bytes / messages + RECORD_BYTES) * 1000 / millis)


def _sums(response: dict[str, Any]) -> tuple[int, int, int]:
    """Return the totals of messages, payload bytes, and results (records and dead letters)."""
    status = response["status"]
    made = sum(row["received"] - row["filtered"] for row in status["ledger"])
    return status["received_messages"], status["payload_bytes"], made
