"""Current backlog, from the running bridge or from the spool of a stopped bridge."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from bridge.delivery.endpoint_status import EndpointStatus
from bridge.errors import BridgeError
from bridge.monitoring.link_log import link_text
from bridge.spool.directory import bytes_on_disk
from bridge.spool.read_only import read_ledger
from bridge.tools.doctor.uplink import Backlog

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# PutRecords encodes data in base64, so a request is larger than the data of its records by this factor.
_BASE64: Final = 4 / 3


def backlog_of_bridge(response: dict[str, Any]) -> Backlog:
    """Return the backlog that the running bridge reports in its response to `status`."""
    status = response["status"]
    links = tuple(link_text(EndpointStatus(**each)) for each in status["endpoints"])
    return Backlog(_spooled(status["ledger"]), round(status["backlog_bytes"] * _BASE64), "the running bridge", links)


def backlog_on_disk(folders: Iterable[Path]) -> Backlog:
    """Return the backlog of a stopped bridge. Its size is estimated from the size of the spool's files."""
    records = size = 0
    for folder in folders:
        # A folder without a readable spool counts as empty: other checks report problems of the spool.
        with suppress(BridgeError, OSError):
            records += sum(row.spooled for row in read_ledger(folder)[0])
            size += bytes_on_disk(folder)
    return Backlog(records, round(size * _BASE64), "the spool")


def _spooled(rows: Iterable[dict[str, Any]]) -> int:
    return sum(row["spooled"] for row in rows)
