"""State of a worker, read from the files of its spool. It is used until the worker's process has reported its state."""

from __future__ import annotations

import logging
import shutil
import time
from typing import TYPE_CHECKING

from bridge.errors import BridgeError
from bridge.ingest.topic_coverage import CoverageReport
from bridge.monitoring.snapshot import Snapshot
from bridge.spool.directory import bytes_on_disk
from bridge.spool.read_only import read_ledger

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.config import Settings
    from bridge.spool.ledger import LedgerRow

log = logging.getLogger(__name__)


def snapshot_from_spool(settings: Settings) -> Snapshot:
    """Return the state of a worker that is not connected. The counts are those of the ledger in its spool."""
    folder, now_ms = settings.spool.path, time.time_ns() // 1_000_000
    rows, dead_letters = stored_ledger(folder)
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


def stored_ledger(folder: Path) -> tuple[tuple[LedgerRow, ...], int]:
    """Return the lines of the ledger and the number of dead letters, or ((), 0) if the spool is missing or unreadable.

    An unreadable spool must not stop the supervisor: only its worker can salvage it, and the other workers must run.
    """
    if not (folder / "spool.db").is_file():
        return (), 0
    try:
        return read_ledger(folder)
    except BridgeError as error:
        log.warning("the records in a spool are not counted yet: %s", error)
        return (), 0
