"""State of a worker, read from the files of its spool. It is used until the worker's process has reported its state."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

from bridge.ingest.topic_coverage import CoverageReport
from bridge.monitoring.snapshot import Snapshot
from bridge.spool.directory import bytes_on_disk
from bridge.spool.read_only import read_ledger

if TYPE_CHECKING:
    from bridge.config import Settings


def snapshot_from_spool(settings: Settings) -> Snapshot:
    """Return the state of a worker that is not connected. The counts are those of the ledger in its spool."""
    folder, now_ms = settings.spool.path, time.time_ns() // 1_000_000
    rows, dead_letters = read_ledger(folder) if (folder / "spool.db").is_file() else ((), 0)
    return Snapshot(
        broker=settings.mqtt.urls[0],
        protocol=settings.mqtt.protocol,
        connected=False,
        subscribed=False,
        connections=0,
        received_messages=0,
        redelivered=0,
        unmatched=0,
        ledger=rows,
        streams=(),
        spool_bytes=bytes_on_disk(folder),
        dead_letter_count=dead_letters,
        dead_letters=(),
        problems=(),
        coverage=CoverageReport(now_ms, now_ms, (), (), 0),
        client_id=settings.mqtt.client_id,
        spool_max_bytes=settings.spool.max_bytes,
        disk_free_bytes=shutil.disk_usage(folder if folder.is_dir() else folder.parent).free,
    )
