"""Rate into the spool: the bytes of records that the bridge stores per second.

If the bridge is running, its counters show the rate. Otherwise the rate is estimated from a sample of the broker's
messages.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

RECORD_BYTES: Final = 100
"""Number of bytes that a record occupies in the spool in addition to its data."""
SAMPLE_SECS: Final = 3.0
"""Seconds between two snapshots of the running bridge. The rate is calculated from the difference of their counters."""


@dataclass(frozen=True, slots=True)
class SpoolRate:
    """Rate into the spool in bytes per second. `source` is a text that explains how the rate was measured."""

    bytes_per_sec: float
    source: str


class SharedRate:
    """Rate that the broker check measures. The spool check waits for the rate on another thread."""

    def __init__(self) -> None:
        self._is_set = threading.Event()
        self._rate: SpoolRate | None = None

    def set_rate(self, rate: SpoolRate | None) -> None:
        """Set the rate, or None if it could not be measured. Only the first call has an effect."""
        if not self._is_set.is_set():
            self._rate = rate
            self._is_set.set()

    def rate(self, timeout_secs: float) -> SpoolRate | None:
        """Wait for the rate and return it. Return None if it is not known within `timeout_secs`."""
        self._is_set.wait(timeout_secs)
        return self._rate


def rate_of_bridge(
    read_status: Callable[[], dict[str, Any] | None], between_secs: float = SAMPLE_SECS
) -> SpoolRate | None:
    """Return the rate between two snapshots of the running bridge. Without traffic, return the average since its start.

    The ledger counts the records of all runs of the bridge. So the average uses only the records that this run
    delivered, and the records in the spool. Records of earlier runs in the spool make the average too high, which is
    safer than too low.

    `read_status` returns the bridge's response to `status`, or None if no bridge runs.
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
    """Return an estimate of the rate. The estimate assumes that a record is as large as the average payload."""
    if millis <= 0 or messages <= 0:
        return 0.0
    return float(records * (payload_bytes / messages + RECORD_BYTES) * 1000 / millis)


def _sums(response: dict[str, Any]) -> tuple[int, int, int]:
    """Return the total numbers of messages, payload bytes, and results (records and dead letters)."""
    status = response["status"]
    made = sum(row["received"] - row["filtered"] for row in status["ledger"])
    return status["received_messages"], status["payload_bytes"], made
