"""Settings of the spool: the section `spool` of bridge.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from bridge.yaml_files.option_types import GIB, MIB, FromFolder, Section, Size, size_between

DEAD_LETTER_SHARE: Final = 4
"""Dead letters stay until a person deals with them: without a bound, they could fill the spool permanently."""


class SpoolSettings(Section):
    """Disk store of the records that Kinesis has not accepted yet."""

    path: FromFolder = Field(default=Path("data"), description="folder of the database and of quarantined spools")
    max_bytes: Annotated[Size, size_between(16 * MIB)] = Field(
        default=2 * GIB, ge=16 * MIB, description="maximum size on disk"
    )
    when_full: Literal["block", "drop_oldest"] = Field(
        default="block",
        description="`block`: pause reading (back-pressure), the broker queues the rest; `drop_oldest`: drop and count",
    )
    min_free_bytes: Annotated[Size, size_between(0)] = Field(
        default=64 * MIB,
        ge=0,
        description="free disk space, whichever program uses the disk; below it, the spool counts as full",
    )
    max_age_secs: int | None = Field(
        default=None, ge=60, description="older records are dropped and counted; by default none are"
    )
    max_dead_letter_bytes: Annotated[Size, size_between(MIB)] = Field(
        default=256 * MIB,
        ge=MIB,
        description="beyond it, the oldest dead letters are evicted, counted and logged; at most 1/4 of `max_bytes`",
    )
    fresh_bytes: Annotated[Size, size_between(0, GIB)] = Field(
        default=16 * MIB,
        ge=0,
        le=GIB,
        description="memory for new records, so that they need not be read from disk",
    )

    @property
    def dead_letter_bytes(self) -> int:
        """Bytes that all dead letters may have: at most a quarter of `max_bytes`."""
        return min(self.max_dead_letter_bytes, self.max_bytes // DEAD_LETTER_SHARE)
