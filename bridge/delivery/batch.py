"""The content of one PutRecords request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.kinesis.limits import MAX_REQUEST_BYTES, MAX_REQUEST_RECORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.delivery.key_queue import Hold
    from bridge.kinesis.packing.packers import PackedRecord
    from bridge.model import Record


@dataclass(slots=True, eq=False)
class Batch:
    """Records of one request. `records` are records of the spool; `entries` are the Kinesis records that contain them.

    `holds` make later records of the same partition keys wait until the result of the batch is known. `part` is true if
    the records belong to an invalid request that was split. No other records are added to such a batch. `max_bytes`
    limits the size of data and keys before base64. A batch with a single record may be larger. `max_records` limits the
    number of Kinesis records. `limited` is true if the shard limiter counted the records. `CircuitBreaker` explains
    `generation`.
    """

    records: list[Record] = field(default_factory=list)
    packed: list[PackedRecord] | None = None
    counted_bytes: int = 0
    part: bool = False
    generation: int = 0
    max_bytes: int = MAX_REQUEST_BYTES
    max_records: int = MAX_REQUEST_RECORDS
    limited: bool = False
    holds: list[Hold] = field(default_factory=list)
    started_at: float = 0.0

    @property
    def entries(self) -> Sequence[Record | PackedRecord]:
        """Kinesis records in the order of the request."""
        return self.records if self.packed is None else self.packed

    @property
    def room_records(self) -> int:
        """Number of Kinesis records that can still be added to the request."""
        return self.max_records - len(self.entries)

    @property
    def room_bytes(self) -> int:
        """Bytes of data and keys that can still be added to the request; 0 or less if the request is full."""
        return self.max_bytes - self.counted_bytes

    @property
    def full(self) -> bool:
        """True when no more records should be added."""
        return self.room_records <= 0 or self.room_bytes <= 0

    def add_plain(self, records: Sequence[Record], size: int) -> None:
        """Add records that are not packed. `size` is the sum of their data and keys in bytes."""
        self.records += records
        self.counted_bytes += size

    def add_packed(self, packed: PackedRecord, size: int) -> None:
        """Add a packed record. `size` is the sum of its data and key in bytes."""
        if self.packed is None:
            self.packed = []
        self.packed.append(packed)
        self.records += packed.records
        self.counted_bytes += size
