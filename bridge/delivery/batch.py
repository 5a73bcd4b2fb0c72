"""What one PutRecords request carries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.kinesis.limits import MAX_REQUEST_BYTES, MAX_REQUEST_RECORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.kinesis.packing.packers import Packed
    from bridge.model import Record


@dataclass(slots=True)
class Batch:
    """The queue's `records`, and the stream's: `entries` are the same list where nothing is packed.

    `part`: what halving an invalid request left; it must not be mixed with other records. `epoch`: see `Pacing`.
    """

    records: list[Record] = field(default_factory=list)
    packed: list[Packed] | None = None
    counted_bytes: int = 0
    part: bool = False
    epoch: int = 0
    most_bytes: int = MAX_REQUEST_BYTES

    @property
    def entries(self) -> Sequence[Record | Packed]:
        """What goes on the wire."""
        return self.records if self.packed is None else self.packed

    @property
    def room_records(self) -> int:
        """How many more the request can carry."""
        return MAX_REQUEST_RECORDS - len(self.entries)

    @property
    def room_bytes(self) -> int:
        """How many more bytes of data and keys the request should carry; the first record may be larger."""
        return self.most_bytes - self.counted_bytes

    def add_plain(self, records: Sequence[Record], size: int) -> None:
        """Records as they are, of `size` counted bytes."""
        self.records += records
        self.counted_bytes += size

    def add_packed(self, packed: Packed, size: int) -> None:
        """A packed record of `size` counted bytes."""
        if self.packed is None:
            self.packed = []
        self.packed.append(packed)
        self.records += packed.records
        self.counted_bytes += size
