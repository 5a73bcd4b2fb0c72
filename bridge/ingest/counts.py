"""What ingest counts, beside the books."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class IngestCounts:
    """Since the start of the process."""

    messages: int = 0
    payload_bytes: int = 0
    redelivered: int = 0
    bursts: int = 0
    commits: int = 0
    unmatched: int = 0
