"""Packing of several records of a queue in one Kinesis record: `packing: kpl` and `packing: lines`.

    kpl    shard known: records of any keys of that shard in one aggregated record, with an explicit hash key of the
           shard. Shard unknown: the records of one key; the key itself leads to the right shard.
    lines  the records of one key

Records without a key (`spread`) share one key that is chosen for each packed record.

A single record is sent unchanged with its own key. With `kpl`, there is one exception: if a payload is itself an
aggregated record, it is aggregated even if it is alone. Otherwise, a consumer would de-aggregate it, and discard the
content because its keys belong to other shards. This adds the key and about 40 bytes. If the record then exceeds the
limit of the stream, it becomes a dead letter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from bridge.kinesis.limits import utf8_bytes
from bridge.kinesis.packing.json_lines import JsonLinesEncoder
from bridge.kinesis.packing.kpl_aggregation import KplEncoder, is_aggregate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bridge.kinesis.shard_map import Shard
    from bridge.model import Destination, Record

PAYLOAD_UNIT_BYTES = 25 * 1024
"""Size of a PUT payload unit; a partial unit is charged in full. https://aws.amazon.com/kinesis/data-streams/pricing/"""


class PackedRecord(NamedTuple):
    """One Kinesis record, and the queue's `records` that it carries, in order.

    `shard` is the target, None if unknown. `hash_key` is the explicit hash key. Without it, the partition key selects
    the shard, which is then always correct.
    """

    key: str
    data: bytes
    hash_key: str | None
    records: Sequence[Record]
    shard: Shard | None

    @property
    def counted_bytes(self) -> int:
        """Number of bytes that Kinesis counts: data and UTF-8 key."""
        return len(self.data) + utf8_bytes(self.key)

    @property
    def keys(self) -> set[str]:
        """Set of the partition keys that a consumer finds in it."""
        return {self.key} if self.hash_key is None else {record.key for record in self.records}


class Packer(Protocol):
    """Strategy that packs records. The accumulator calls it.

    A packed record with its key has at most `most` bytes, unless it contains a single larger record. `limit`: max bytes
    of a record with its key that the stream accepts; 0 if it is not larger than `most`.
    """

    @property
    def ratio(self) -> float:
        """Approximate ratio of the bytes of records to the bytes of packed records."""

    def pack(self, records: Sequence[Record], shard: Shard | None, most: int, limit: int = 0) -> Iterator[PackedRecord]:
        """Yield packed records, in order for each key. `shard`: all `records` belong to it; None: unknown."""


Place: TypeAlias = "Callable[[int, int], tuple[str, Shard | None]]"
"""Function from (number, data bytes) of a packed record's first record to its key in ASCII and the key's shard."""


def packer(destination: Destination, place: Place) -> Packer | None:
    """Return the packer for a destination, or None if it uses plain records."""
    if destination.packing == "kpl":
        return (
            KeylessKplPacker(place)
            if destination.keys == "spread"
            else KplPacker(whole_keys=destination.order != "strict")
        )
    if destination.packing == "lines":
        lines = JsonLinesEncoder(destination.compression)
        return KeylessLinesPacker(lines, place) if destination.keys == "spread" else LinesPacker(lines)
    return None


class KplPacker:
    """KPL aggregation of records with keys.

    After a reshard, a consumer may discard one aggregated record of a request and keep the next. If both contained the
    same key, the first would be sent again after the second, in the wrong order. So with `whole_keys`, all records of a
    key are in one aggregated record. Only a key that fills several aggregated records is divided. These contain no
    other key, so the hash of the key selects their shard, and none is discarded.
    """

    ratio = 1.0

    def __init__(self, *, whole_keys: bool = True) -> None:
        self._aggregation = KplEncoder()
        self._whole_keys = whole_keys

    def pack(
        self, records: Sequence[Record], shard: Shard | None, most: int, _limit: int = 0
    ) -> Iterator[PackedRecord]:
        """Yield aggregated records: of several keys if the shard is known, otherwise of one key each."""
        if shard is not None:
            if self._whole_keys:
                records = [record for group in by_key(records) for record in group]
            yield from self._of_shard(records, shard, most)
            return
        for group in by_key(records):
            yield from self._of_shard(group, None, most)

    def _of_shard(self, records: Sequence[Record], shard: Shard | None, most: int) -> Iterator[PackedRecord]:
        start = 0
        while start < len(records):
            key = records[start].key
            end, data, keys = self._aggregation.encode(
                records, start, most - utf8_bytes(key), whole_keys=self._whole_keys
            )
            if end == start + 1 and not is_aggregate(records[start].data):
                yield alone(records[start], shard)
            else:
                # With several keys, the explicit hash key selects the shard. A single key needs no hash key, and then
                # selects the correct shard even if the shard map is out of date.
                hash_key = None if keys == 1 or shard is None else str(shard.first_hash)
                yield PackedRecord(key, data, hash_key, records[start:end], shard)
            start = end


class KeylessKplPacker:
    """KPL aggregation of records without keys."""

    ratio = 1.0

    def __init__(self, place: Place) -> None:
        self._aggregation = KplEncoder()
        self._place = place

    def pack(
        self, records: Sequence[Record], shard: Shard | None, most: int, _limit: int = 0
    ) -> Iterator[PackedRecord]:
        """Yield aggregated records, each with a chosen key. `shard` is ignored: the chosen key determines it."""
        start = 0
        while start < len(records):
            key, shard = self._place(records[start].number, len(records[start].data))
            end, data, _ = self._aggregation.encode(records, start, most - utf8_bytes(key), key)
            if end == start + 1 and not is_aggregate(records[start].data):
                data = records[start].data
            yield PackedRecord(key, data, None, records[start:end], shard)
            start = end


class LinesPacker:
    """JSON lines of records with keys: one packed record contains one key."""

    def __init__(self, lines: JsonLinesEncoder) -> None:
        self._lines = lines

    @property
    def ratio(self) -> float:
        """Ratio of the last compressions; 1 without compression."""
        return self._lines.ratio

    def pack(self, records: Sequence[Record], shard: Shard | None, most: int, limit: int = 0) -> Iterator[PackedRecord]:
        """Yield packed records. All lines of one packed record have the same key."""
        for group in by_key(records):
            key, start = group[0].key, 0
            while start < len(group):
                key_bytes = utf8_bytes(key)
                end, data = self._lines.encode(group, start, most - key_bytes, limit - key_bytes)
                yield PackedRecord(key, data, None, group[start:end], shard)
                start = end


class KeylessLinesPacker:
    """JSON lines of records without keys."""

    def __init__(self, lines: JsonLinesEncoder, place: Place) -> None:
        self._lines = lines
        self._place = place

    @property
    def ratio(self) -> float:
        """Ratio of the last compressions; 1 without compression."""
        return self._lines.ratio

    def pack(self, records: Sequence[Record], shard: Shard | None, most: int, limit: int = 0) -> Iterator[PackedRecord]:
        """Yield lines, each record with a chosen key. `shard` is ignored: the chosen key determines it."""
        start = 0
        while start < len(records):
            key, shard = self._place(records[start].number, len(records[start].data))
            end, data = self._lines.encode(records, start, most - len(key), limit - len(key))
            yield PackedRecord(key, data, None, records[start:end], shard)
            start = end


def alone(record: Record, shard: Shard | None) -> PackedRecord:
    """Return a record that is not packed. Its own key selects the shard."""
    return PackedRecord(record.key, record.data, None, (record,), shard)


def by_key(records: Sequence[Record]) -> list[list[Record]]:
    """Return the records of each key in order. Keys are in the order of their first record."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        group = groups.get(record.key)
        if group is None:
            groups[record.key] = [record]
        else:
            group.append(record)
    return list(groups.values())
