"""Replay and deletion of dead letters while no bridge is running."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.errors import BridgeError
from bridge.ingest.bindings import bind_mappings
from bridge.ingest.replay import DeadLetterJobs
from bridge.ingest.topic_coverage import TopicCoverage
from bridge.runtime.assembly import live_mappings
from bridge.spool.database.transaction import Transaction
from bridge.spool.opening import open_spool

if TYPE_CHECKING:
    from bridge.config import Settings
    from bridge.ingest.replay import DeadLetterJob


def run_offline(settings: Settings, job: DeadLetterJob) -> None:
    """Run a dead-letter job to its end, in the same way as a running bridge.

    Raises SpoolInUse while a bridge is running, and BridgeError if there is no spool.
    """
    folder = settings.spool.path
    if not (folder / "spool.db").is_file():
        raise BridgeError(f"no spool in {folder} (spool.path): the bridge has not run here")
    spool = open_spool(settings.spool, live_first=settings.kinesis.live_first)
    try:
        targets = {}
        if job.action == "replay":
            mappings = live_mappings(settings, folder / "in-force").routes.mappings
            places = bind_mappings(spool, mappings, TopicCoverage(0).tally)
            targets = {mapping.name: (mapping, places[mapping.name]) for mapping in mappings}
        jobs = DeadLetterJobs(spool)
        jobs.add(job)
        while jobs:
            transaction = Transaction()
            part = jobs.fill(transaction, targets)
            spool.commit(transaction)
            part.committed()
    finally:
        spool.close()
