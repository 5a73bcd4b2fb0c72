"""Commands `dead-letters replay` and `delete`. If a bridge runs, it does the work. Otherwise this process does it."""

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
"""Maximum number of dead letters in one request to the running bridge.

A small batch ends long before PATIENCE_SECS, and the progress bar moves after each batch.
"""
PATIENCE_SECS = 70.0
"""Time limit for the response of the bridge. The bridge itself has a limit of 60 s, and then responds with an error."""
# Maximum number of different reasons that are printed for the dead letters that failed again.
_SHOWN_REASONS = 10


@dataclass(frozen=True, slots=True)
class DeadLetterSelection:
    """Selection of dead letters: by their numbers, by a filter, or all of them."""

    numbers: Sequence[int]
    filter: DeadLetterFilter
    all: bool = False
    worker: int | None = None

    def read(self, path: Path) -> dict[Path, list[int]]:
        """Return a dict from each spool folder to the numbers of its selected dead letters.

        Raise UsageError if there is no selection, or more than one kind of selection. Raise BridgeError if the filter
        matches no dead letter.
        """
        ways = [bool(self.numbers), self.filter.narrows, self.all]
        if sum(ways) != 1:
            raise UsageError("give either NUMBERS, or filters (--code, --mapping, --stream, --topic), or --all")
        if self.numbers:
            # Remove repeated numbers: a dead letter would not be found the second time.
            return {single_spool(path, self.worker): list(dict.fromkeys(self.numbers))}
        found = {
            folder: [each.number for each in all_dead_letters(folder) if self.filter.matches(each.dead_letter)]
            for folder in select_spools(path, self.worker).values()
        }
        if self.filter.narrows and not any(found.values()):
            raise BridgeError("no dead letter matches; 'mqtt-kinesis dead-letters list' shows them")
        return found


def replay_dead_letters(config: Path, selection: DeadLetterSelection) -> int:
    """Replay dead letters through the active mappings, and print the result.

    Return 0 if all dead letters were found and none of them failed again, otherwise 1. Raise ConfigError, BridgeError.
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
    """Delete dead letters permanently, after a prompt. The ledger still counts them.

    Return 0 if all dead letters were found. Return 1 if some were not found, or if the user answers no to the prompt.
    Raise ConfigError, BridgeError.
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
    """Run the action in batches, and return the sums of the counts and reasons of all batches."""
    counts, reasons = Counter[str](), Counter[str]()
    batches = [
        (folder, here[first : first + BATCH])
        for folder, here in numbers.items()
        for first in range(0, len(here), BATCH)
    ]
    for folder, batch in progress(batches, action, len(batches)):
        response = _run_batch(settings, folder, action, batch)
        counts += Counter(response["counts"])
        reasons += Counter(response["reasons"])
    return counts, reasons


def _run_batch(settings: Settings, folder: Path, action: Action, numbers: list[int]) -> dict[str, dict[str, int]]:
    job = DeadLetterJob(action, numbers)
    spool = settings.spool.model_copy(update={"path": folder})
    # If this process gets the lock of the spool, it does the work. Otherwise, a bridge is running, and the bridge does
    # the work. Do not check for a running bridge first, because a bridge might start after the check.
    try:
        run_offline(settings.model_copy(update={"spool": spool}), job)
    except SpoolInUse:
        return request(folder, action, PATIENCE_SECS, numbers=numbers)
    return job.value()


def _not_found(counts: Counter[str]) -> str:
    return f", {counts['not_found']:,} not found" if counts["not_found"] else ""
