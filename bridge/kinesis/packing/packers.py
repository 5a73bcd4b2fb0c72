"""Packing of several records of a queue into one Kinesis record: `packing: kpl` and `packing: lines`.

These records share a packed record:

    kpl    If the shard is known: records with any keys of this shard. An explicit hash key selects the shard.
           If the shard is unknown: records with the same key. The key itself selects the right shard.
    lines  Records with the same key.

For records without a key (`keys=spread`), the packer chooses one key for each packed record.

A single record is sent unchanged with its own key. With `kpl`, there is one exception: if the payload is itself an
aggregated record, it is put into an aggregate of one record. Without this outer aggregate, a consumer would
de-aggregate the payload. If the keys in the payload belong to other shards, the consumer would discard its content. The
outer aggregate adds the key and about 40 bytes. If the record then exceeds the limit of the stream, it becomes a dead
letter.
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
"""Size of a PUT payload unit, in which AWS counts the cost: https://aws.amazon.com/kinesis/data-streams/pricing/"""


class PackedRecord(NamedTuple):
    """One Kinesis record, and the `records` of the queue that it contains, in order.

    `shard` is the expected shard; None if it is unknown. `hash_key` is the explicit hash key. If it is None, the
    partition key selects the shard, so the record always arrives at the right shard.
    """

    key: str
    data: bytes
    hash_key: str | None
    records: Sequence[Record]
    shard: Shard | None

    @property
    def counted_bytes(self) -> int:
        """Size of the record as Kinesis counts it: the bytes of its data and of its partition key in UTF-8."""
        return len(self.data) + utf8_bytes(self.key)

    @property
    def keys(self) -> set[str]:
        """Partition keys that a consumer finds in the record."""
        return {self.key} if self.hash_key is None else {record.key for record in self.records}


class Packer(Protocol):
    """Strategy that packs records. The accumulator calls it.

    A packed record has at most `max_bytes` of data and key, or contains a single larger record. `stream_limit` is the
    maximum size that the stream accepts; 0 if it is not larger than `max_bytes`.
    """

    @property
    def ratio(self) -> float:
        """Approximate ratio of the bytes of records to the bytes of packed records; more than 1 with compression."""

    def pack(
        self, records: Sequence[Record], shard: Shard | None, max_bytes: int, stream_limit: int = 0
    ) -> Iterator[PackedRecord]:
        """Yield packed records, in order for each key. `shard` is the shard of all `records`; None if it is unknown."""


KeyChooser: TypeAlias = "Callable[[int, int], tuple[str, Shard | None]]"
"""Function that chooses the key of a packed record. It gets the number of the first record, and the size of its data.
It returns the key, which is ASCII, and the shard of the key, or None if the shard is unknown."""


def packer(destination: Destination, choose_key: KeyChooser) -> Packer | None:
    """Return the packer for a destination, or None if its records are not packed."""
    if destination.packing == "kpl":
        return (
            KeylessKplPacker(choose_key)
            if destination.keys == "spread"
            else KplPacker(whole_keys=destination.order != "strict")
        )
    if destination.packing == "lines":
        lines = JsonLinesEncoder(destination.compression)
        return KeylessLinesPacker(lines, choose_key) if destination.keys == "spread" else LinesPacker(lines)
    return None


class KplPacker:
    """Packer of records with keys for `packing: kpl`.

    After a reshard, consumers may discard one aggregated record of a request, but keep the next aggregated record. If
    both contained the same key, the discarded records would be sent again, after later records of this key. So with
    `whole_keys`, all records of a key in a request are in the same aggregated record.

    The records of a key are divided only if they do not fit in one aggregated record. Their aggregated records then
    contain no other key. So the hash of this key selects their shard, and consumers never discard them.
    """

    ratio = 1.0

    def __init__(self, *, whole_keys: bool = True) -> None:
        self._aggregation = KplEncoder()
        self._whole_keys = whole_keys

    def pack(
        self, records: Sequence[Record], shard: Shard | None, max_bytes: int, _stream_limit: int = 0
    ) -> Iterator[PackedRecord]:
        """Yield aggregated records. If the shard is unknown, each aggregated record contains only one key."""
        if shard is not None:
            if self._whole_keys:
                records = [record for group in by_key(records) for record in group]
            yield from self._of_shard(records, shard, max_bytes)
            return
        for group in by_key(records):
            yield from self._of_shard(group, None, max_bytes)

    def _of_shard(self, records: Sequence[Record], shard: Shard | None, max_bytes: int) -> Iterator[PackedRecord]:
        start = 0
        while start < len(records):
            key = records[start].key
            end, data, keys = self._aggregation.encode(
                records, start, max_bytes - utf8_bytes(key), whole_keys=self._whole_keys
            )
            if end == start + 1 and not is_aggregate(records[start].data):
                yield alone(records[start], shard)
            else:
                # With several keys, an explicit hash key selects the shard. With a single key, no explicit hash key is
                # sent, because the key selects the right shard even if the shard map is out of date.
                hash_key = None if keys == 1 or shard is None else str(shard.first_hash)
                yield PackedRecord(key, data, hash_key, records[start:end], shard)
            start = end


class KeylessKplPacker:
    """Packer of records without keys for `packing: kpl`."""

    ratio = 1.0

    def __init__(self, choose_key: KeyChooser) -> None:
        self._aggregation = KplEncoder()
        self._choose_key = choose_key

    def pack(
        self, records: Sequence[Record], shard: Shard | None, max_bytes: int, _stream_limit: int = 0
    ) -> Iterator[PackedRecord]:
        """Yield aggregated records, each with a chosen key. `shard` is ignored, because the key selects the shard."""
        start = 0
        while start < len(records):
            key, shard = self._choose_key(records[start].number, len(records[start].data))
            end, data, _ = self._aggregation.encode(records, start, max_bytes - utf8_bytes(key), key)
            if end == start + 1 and not is_aggregate(records[start].data):
                data = records[start].data
            yield PackedRecord(key, data, None, records[start:end], shard)
            start = end


class LinesPacker:
    """Packer of records with keys for `packing: lines`."""

    def __init__(self, lines: JsonLinesEncoder) -> None:
        self._lines = lines

    @property
    def ratio(self) -> float:
        """Compression ratio, averaged over recent records; 1 without compression."""
        return self._lines.ratio

    def pack(
        self, records: Sequence[Record], shard: Shard | None, max_bytes: int, stream_limit: int = 0
    ) -> Iterator[PackedRecord]:
        """Yield packed records. All records in a packed record have the same key."""
        for group in by_key(records):
            key, start = group[0].key, 0
            while start < len(group):
                key_bytes = utf8_bytes(key)
                end, data = self._lines.encode(group, start, max_bytes - key_bytes, stream_limit - key_bytes)
                yield PackedRecord(key, data, None, group[start:end], shard)
                start = end


class KeylessLinesPacker:
    """Packer of records without keys for `packing: lines`."""

    def __init__(self, lines: JsonLinesEncoder, choose_key: KeyChooser) -> None:
        self._lines = lines
        self._choose_key = choose_key

    @property
    def ratio(self) -> float:
        """Compression ratio, averaged over recent records; 1 without compression."""
        return self._lines.ratio

    def pack(
        self, records: Sequence[Record], shard: Shard | None, max_bytes: int, stream_limit: int = 0
    ) -> Iterator[PackedRecord]:
        """Yield packed records, each with a chosen key. `shard` is ignored, because the key selects the shard."""
        start = 0
        while start < len(records):
            key, shard = self._choose_key(records[start].number, len(records[start].data))
            end, data = self._lines.encode(records, start, max_bytes - len(key), stream_limit - len(key))
            yield PackedRecord(key, data, None, records[start:end], shard)
            start = end


def alone(record: Record, shard: Shard | None) -> PackedRecord:
    """Return a PackedRecord that contains one record unchanged. Its own key selects the shard."""
    return PackedRecord(record.key, record.data, None, (record,), shard)


def by_key(records: Sequence[Record]) -> list[list[Record]]:
    """Return one list of records for each key, in the order of the keys' first records."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        group = groups.get(record.key)
        if group is None:
            groups[record.key] = [record]
        else:
            group.append(record)
    return list(groups.values())
