"""The spool's disk: how long an fsync takes, which bounds the bursts a second, and how long an outage it can bridge."""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from typing import TYPE_CHECKING, Any

from bridge.doctor.findings import failed, warning, well

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.doctor.findings import Finding

SYNCS = 40
_BYTES = 16_384
_SLOW_SECS = 0.05
_RECORD_BYTES = 100
"""What a record takes beside its data."""
_ENOUGH_HOURS = 8.0


def examine_fsync(folder: Path) -> Iterator[Finding]:
    """Real fsyncs, in the spool's own folder or the nearest that there is."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    took: list[float] = []
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            for _ in range(SYNCS):
                file.write(os.urandom(_BYTES))
                file.flush()
                began = time.monotonic()
                os.fsync(file.fileno())
                took.append(time.monotonic() - began)
    except OSError as error:
        advice = "give the bridge's user a folder of a real disk that it may write to (spool.path)"
        yield failed("disk", f"{folder}: {error.strerror}", advice)
        return
    median, worst = statistics.median(took), max(took)
    took_words = f"an fsync takes {median * 1000:.1f} ms, at worst {worst * 1000:.0f} ms"
    said = f"{folder}: {took_words}: {1 / max(median, 1e-6):,.0f} bursts a second"
    if median > _SLOW_SECS:
        yield warning("disk", said, "each burst waits for it; an SSD would do better than a card or a network drive")
    else:
        yield well("disk", said)


def examine_room(folder: Path, max_bytes: int, min_free_bytes: int, told: dict[str, Any] | None) -> Iterator[Finding]:
    """`told`: what the running bridge says of itself; None where none runs."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    room = min(max_bytes, shutil.disk_usage(folder).free - min_free_bytes)
    said = f"room for {max(0, room) / 2**30:.1f} GiB"
    if room <= 0:
        yield failed("spool", said, "make room on the disk, or lower spool.min_free_bytes")
        return
    rate = _bytes_per_sec(told) if told else 0.0
    if not rate:
        yield well("spool", f"{said}; for how long that is can be said while the bridge runs")
        return
    hours = room / rate / 3600
    said = f"{said}: {hours:,.0f} hours of an outage at the present rate of {rate / 1000:,.1f} kB a second"
    if hours < _ENOUGH_HOURS:
        yield warning("spool", said, "raise spool.max_bytes, or give it a larger disk")
    else:
        yield well("spool", said)


def _bytes_per_sec(told: dict[str, Any]) -> float:
    """What is spooled, about: payloads become records of about their size, one for each output."""
    status, coverage = told["status"], told["coverage"]
    secs = float(coverage["at_ms"] - coverage["since_ms"]) / 1000
    received = sum(row["received"] - row["filtered"] for row in status["ledger"])
    messages = int(status["received_messages"])
    if secs <= 0 or not messages:
        return 0.0
    outputs = max(1.0, received / max(1, sum(row["received"] for row in status["ledger"])) * len(status["ledger"]))
    return float((int(status["payload_bytes"]) + messages * _RECORD_BYTES) * outputs / secs)
