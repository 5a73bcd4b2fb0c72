"""Replay and deletion of dead letters, and clearing of states, while no bridge is running."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from bridge.errors import BridgeError
from bridge.ingest.bindings import bind_mappings, clear_state
from bridge.ingest.replay import DeadLetterJobs
from bridge.ingest.topic_coverage import TopicCoverage
from bridge.runtime.assembly import live_mappings
from bridge.runtime.folder_owner import rights_of_owner
from bridge.spool.database.transaction import Transaction
from bridge.spool.opening import open_spool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.config import Settings
    from bridge.ingest.replay import DeadLetterJob
    from bridge.spool.store import Spool


def clear_state_offline(settings: Settings, mapping: str) -> int:
    """Clear the state of a mapping, and return the number of removed keys.

    If the state contains records, they are added to their queues.

    Raises SpoolInUse while a bridge is running, and BridgeError if there is no spool.
    """
    with _opened(settings) as spool:
        released, keys = clear_state(spool, mapping)
        for number, record in released:
            spool.queue(record.destination).append(number, record.key, record.data)
        spool.commit(Transaction())
        return keys


@contextmanager
def _opened(settings: Settings) -> Iterator[Spool]:
    """Open an existing spool. Until it is closed, this process has the rights of the folder's owner."""
    folder = settings.spool.path
    # Check first: opening a missing spool would create it, possibly in the wrong folder.
    if not (folder / "spool.db").is_file():
        raise BridgeError(f"no spool in {folder} (spool.path): the bridge has not run here")
    with rights_of_owner(folder), closing(open_spool(settings.spool, live_first=settings.kinesis.live_first)) as spool:
        yield spool


def run_offline(settings: Settings, job: DeadLetterJob) -> None:
    """Run a dead-letter job to its end, in the same way as a running bridge.

    Raises SpoolInUse while a bridge is running, and BridgeError if there is no spool.
    """
    with _opened(settings) as spool:
        targets = {}
        if job.action == "replay":
            mappings = live_mappings(settings, settings.spool.path / "in-force").routes.mappings
            bindings = bind_mappings(spool, mappings, TopicCoverage(0).tally)
            targets = {mapping.name: (mapping, bindings[mapping.name]) for mapping in mappings}
        jobs = DeadLetterJobs(spool)
        jobs.add(job)
        # Process the job in slices, as in a running bridge. Each slice is one transaction, so after an interruption
        # every dead letter is either unchanged or completely processed.
        while jobs:
            transaction = Transaction()
            part = jobs.fill(transaction, targets)
            spool.commit(transaction)
            part.committed()
