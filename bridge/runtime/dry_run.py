"""The bridge as a dry run: with a session and a spool of its own, it prints records instead of sending them."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from bridge.kinesis.dry_run import Printer
from bridge.runtime.assembly import live_mappings, sender_settings, session_settings
from bridge.runtime.service import Service
from bridge.spool.store import SpoolSettings

if TYPE_CHECKING:
    from bridge.config import Settings

DRY_RUN_SUFFIX = "-dry-run"


class DryRun:
    """The bridge, printing records: a session and a spool of its own, so that nothing of the real one is touched."""

    def __init__(self, settings: Settings, out: TextIO) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="mqtt-kinesis-dry-run-"))
        session = session_settings(settings)
        # As a member of the group it would take messages from the bridges, and with its session they would be lost.
        session = replace(session, client_id=session.client_id + DRY_RUN_SUFFIX, persistent=False, share=None)
        try:
            self.service = Service(
                session,
                SpoolSettings(self._folder / "data"),
                Printer(out),
                live_mappings(settings, self._folder / "in-force"),
                sender=replace(sender_settings(settings), requests_in_flight=1),
            )
        except BaseException:
            self.remove()
            raise

    def remove(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self._folder, ignore_errors=True)
