"""Dry run: a bridge that prints records instead of sending them. It has its own broker session and its own spool."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from bridge.kinesis.dry_run_publisher import DryRunPublisher
from bridge.mapping.rendering import printable
from bridge.runtime.assembly import live_mappings, sender_settings
from bridge.runtime.service import Service
from bridge.spool.settings import SpoolSettings
from bridge.terminal import print_error

if TYPE_CHECKING:
    from bridge.config import Settings

DRY_RUN_SUFFIX = "-dry-run"


class DryRun:
    """A bridge that prints its records, and changes neither the session nor the spool of the real bridge."""

    def __init__(self, settings: Settings, out: TextIO) -> None:
        # Number of the newest dead letter that was printed.
        self._printed = 0
        self._folder = Path(tempfile.mkdtemp(prefix="mqtt-kinesis-dry-run-"))
        # `temporary` removes the shared subscription group from the settings. In the group, the broker would send some
        # messages only to the dry run, and these messages would be lost.
        session = settings.mqtt.temporary(DRY_RUN_SUFFIX)
        try:
            self.service = Service(
                session,
                # Require no free space, because the system's temporary folder may be small.
                SpoolSettings(path=self._folder / "data", min_free_bytes=0),
                DryRunPublisher(out),
                live_mappings(settings, self._folder / "in-force"),
                # Permit only one request at a time, so that the records of a stream are printed in order.
                sender=replace(sender_settings(settings), requests_in_flight=1),
            )
        except BaseException:
            self.remove()
            raise

    def print_dead_letters(self) -> None:
        """Print the dead letters created since the last call to standard error, at most the newest 20."""
        for each in reversed(self.service.last_snapshot().dead_letters):
            if each.number > self._printed:
                if each.number > self._printed + 1:
                    print_error(f"dead letters {self._printed + 1} to {each.number - 1} are not shown")
                self._printed = each.number
                text = f"dead letter of mapping {each.mapping or '(none)'}, {each.topic}: {each.code}: {each.detail}"
                print_error(printable(text))

    def remove(self) -> None:
        """Remove the temporary folder."""
        shutil.rmtree(self._folder, ignore_errors=True)
