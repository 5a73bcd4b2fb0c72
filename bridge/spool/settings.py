"""Settings of the spool: the section `spool` of bridge.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from bridge.yaml_files.option_types import GIB, MIB, FromFolder, Section, Size, size_between

DEAD_LETTER_SHARE: Final = 4
"""Dead letters may use at most a quarter of the spool.

Without this limit, they could fill the spool permanently, because they stay until a person replays or deletes them.
"""


class SpoolSettings(Section):
    """Disk store of the records that Kinesis has not accepted yet."""

    path: FromFolder = Field(default=Path("data"), description="folder of the database and of quarantined spools")
    max_bytes: Annotated[Size, size_between(16 * MIB)] = Field(
        default=2 * GIB, ge=16 * MIB, description="maximum size on disk"
    )
    when_full: Literal["block", "drop_oldest"] = Field(
        default="block",
        description="`block`: pause reading, so that messages wait in the broker (back-pressure); `drop_oldest`: drop "
        "the oldest records and count them",
    )
    min_free_bytes: Annotated[Size, size_between(0)] = Field(
        default=64 * MIB,
        ge=0,
        description="minimum free space on the disk; with less free space, the spool counts as full",
    )
    max_age_secs: int | None = Field(
        default=None,
        ge=60,
        description="maximum age of records in seconds, no limit by default; older records are dropped and counted",
    )
    max_dead_letter_bytes: Annotated[Size, size_between(MIB)] = Field(
        default=256 * MIB,
        ge=MIB,
        description="maximum size of all dead letters, at most 1/4 of `max_bytes`; if they are larger, the oldest are "
        "evicted, counted and logged",
    )
    fresh_bytes: Annotated[Size, size_between(0, GIB)] = Field(
        default=16 * MIB,
        ge=0,
        le=GIB,
        description="memory for new records, so that they are not read back from disk",
    )

    @property
    def dead_letter_bytes(self) -> int:
        """Maximum bytes of all dead letters: at most a quarter of `max_bytes`."""
        return min(self.max_dead_letter_bytes, self.max_bytes // DEAD_LETTER_SHARE)
