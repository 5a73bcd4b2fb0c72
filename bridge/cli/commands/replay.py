"""Commands `dead-letters replay` and `delete`. The running bridge does the work, or this process if none runs."""

from __future__ import annotations

import os
import sys
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.cli.commands.spool_selection import select_spools, single_spool
from bridge.cli.output.formatting import pluralize
from bridge.cli.output.progress_bar import progress
from bridge.config import load_settings
from bridge.errors import BridgeError, SpoolInUse, UsageError
from bridge.ingest.replay import DeadLetterJob
from bridge.mapping.rendering import printable
from bridge.runtime.control_channel import request
from bridge.runtime.exit_codes import FAILED
from bridge.runtime.offline_replay import run_offline
from bridge.spool.read_only import all_dead_letters
from bridge.terminal import BAD, GOOD, WARN, print_coloured

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bridge.cli.commands.dead_letters import DeadLetterFilter
    from bridge.config import Settings
    from bridge.ingest.replay import Action

BATCH = 2_000
PATIENCE_SECS = 70.0
"""Time limit for the bridge's response, a little longer than the bridge's own limit."""
_SHOWN_REASONS = 10


@dataclass(frozen=True, slots=True)
class DeadLetterSelection:
    """Selection of dead letters: by numbers, by a filter, or all."""

    numbers: Sequence[int]
    filter: DeadLetterFilter
    all: bool = False
    worker: int | None = None

    def read(self, path: Path) -> dict[Path, list[int]]:
        """Return their numbers by spool folder.

        Raise BridgeError unless exactly one way of selection is given, or if the filter matches none.
        """
        ways = [bool(self.numbers), self.filter.narrows, self.all]
        if sum(ways) != 1:
            raise UsageError("nothing selected: give NUMBERS, or --code, --mapping, --stream, --topic, or --all")
        if self.numbers:
            return {single_spool(path, self.worker): list(dict.fromkeys(self.numbers))}
        found = {
            folder: [each.number for each in all_dead_letters(folder) if self.filter.matches(each.dead_letter)]
            for folder in select_spools(path, self.worker).values()
        }
        if self.filter.narrows and not any(found.values()):
            raise BridgeError("no dead letter matches; 'mqtt-kinesis dead-letters list' shows them")
        return found


def replay_dead_letters(config: Path, selection: DeadLetterSelection) -> int:
    """Replay dead letters through the active mappings; return 0 if all were found and none failed again, else 1.

    Raise ConfigError, BridgeError.
    """
    settings = load_settings(config, os.environ)
    counts, reasons = _run(settings, "replay", selection.read(settings.spool.path))
    replayed, filtered, failed = (counts[name] for name in ("replayed", "filtered", "failed_again"))
    summary = f"replayed {replayed:,}, filtered {filtered:,}, failed again {failed:,}{_not_found(counts)}"
    print_coloured(summary, {r"^replayed [\d,]+": GOOD, r"failed again [1-9].*|[1-9][\d,]* not found": BAD})
    for reason, count in reasons.most_common(_SHOWN_REASONS):
        print(f"  {count:>7,}  {printable(reason)}")
    return FAILED if counts["failed_again"] or counts["not_found"] else 0


def delete_dead_letters(config: Path, selection: DeadLetterSelection, *, yes: bool) -> int:
    """Delete dead letters permanently, after a prompt; return 0 if all were found, else 1.

    The ledger still counts them. Raise ConfigError, BridgeError.
    """
    settings = load_settings(config, os.environ)
    numbers = selection.read(settings.spool.path)
    count = sum(map(len, numbers.values()))
    if count and not yes and not _confirmed(count):
        print_coloured("nothing was deleted", {"^.*$": WARN})
        return FAILED
    counts, _ = _run(settings, "delete", numbers)
    print_coloured(
        f"deleted {counts['deleted']:,}{_not_found(counts)}", {r"^deleted [\d,]+": GOOD, r"[1-9][\d,]* not found": BAD}
    )
    return FAILED if counts["not_found"] else 0


def _confirmed(count: int) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("refusing to delete without --yes (stdin is not a terminal)")
    return input(f"permanently delete {pluralize(count, 'dead letter')}? [y/N] ").strip().lower() in {"y", "yes"}


def _run(settings: Settings, action: Action, numbers: dict[Path, list[int]]) -> tuple[Counter[str], Counter[str]]:
    counts, reasons = Counter[str](), Counter[str]()
    # Batches keep the bridge's replies short, and the progress bar moving.
    parts = [
        (folder, here[first : first + BATCH])
        for folder, here in numbers.items()
        for first in range(0, len(here), BATCH)
    ]
    for folder, part in progress(parts, action, len(parts)):
        response = _run_part(settings, folder, action, part)
        counts += Counter(response["counts"])
        reasons += Counter(response["reasons"])
    return counts, reasons


def _run_part(settings: Settings, folder: Path, action: Action, numbers: list[int]) -> dict[str, dict[str, int]]:
    errand = DeadLetterJob(action, numbers)
    spool = settings.spool.model_copy(update={"path": folder})
    # The lock decides which process does the work. A check before it would not be safe, because a bridge may start in
    # between.
    try:
        run_offline(settings.model_copy(update={"spool": spool}), errand)
    except SpoolInUse:
        return request(folder, action, PATIENCE_SECS, numbers=numbers)
    return errand.value()


def _not_found(counts: Counter[str]) -> str:
    return f", {counts['not_found']:,} not found" if counts["not_found"] else ""
