"""Many records of a queue in one record of its stream: `packing: kpl` and `packing: lines`.

    kpl    with the shard known: any keys of that shard in one aggregated record, which carries an explicit hash key of
           it; else the records of one key, which the key itself brings to the right shard
    lines  the records of one key

Records without a key of their own (`spread`) share one key that is chosen for each packed record.
A record that stands alone goes as it is, with its own key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from bridge.kinesis.packing.json_lines import Lines
from bridge.kinesis.packing.kpl_aggregation import Aggregation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bridge.kinesis.shard_map import Shard
    from bridge.model import Destination, Record

PAYLOAD_UNIT_BYTES = 25 * 1024
"""What a PUT payload unit pays for, begun ones in full: https://aws.amazon.com/kinesis/data-streams/pricing/"""


class Packed(NamedTuple):
    """One record of the stream. `records` are those of the queue it carries, in order.

    `shard`: where it is bound for, None if that is not known. `hash_key`: its explicit hash key; without one its key
    decides, and it cannot come to a wrong shard.
    """

    key: str
    data: bytes
    hash_key: str | None
    records: Sequence[Record]
    shard: Shard | None

    @property
    def counted_bytes(self) -> int:
        """What Kinesis counts: data and UTF-8 key."""
        return len(self.data) + utf8_bytes(self.key)

    @property
    def keys(self) -> set[str]:
        """The partition keys that a consumer finds in it."""
        return {self.key} if self.hash_key is None else {record.key for record in self.records}


class Packer(Protocol):
    """Makes packed records of at most `most` bytes with their keys; a larger one only of a record that is larger."""

    @property
    def ratio(self) -> float:
        """Bytes of records that become one byte of a packed record, about."""

    def pack(self, records: Sequence[Record], shard: Shard | None, most: int) -> Iterator[Packed]:
        """Pack these, in their order for each key. `shard`: they all belong to it."""


Place = "Callable[[int], tuple[str, Shard | None]]"
"""Gives a key for the packed record that begins with the record of this number, and the shard it belongs to."""


def packer(destination: Destination, place: Callable[[int], tuple[str, Shard | None]]) -> Packer | None:
    """What packs for a destination; None where it wants plain records."""
    if destination.packing == "kpl":
        return SpreadKpl(place) if destination.keys == "spread" else Kpl()
    if destination.packing == "lines":
        lines = Lines(destination.compression)
        return SpreadLines(lines, place) if destination.keys == "spread" else KeyedLines(lines)
    return None


class Kpl:
    """KPL aggregation of records with keys."""

    ratio = 1.0

    def __init__(self) -> None:
        self._aggregation = Aggregation()

    def pack(self, records: Sequence[Record], shard: Shard | None, most: int) -> Iterator[Packed]:
        """As `Packer`."""
        if shard is not None:
            yield from self._of_shard(records, shard, most)
            return
        for group in by_key(records):
            yield from self._of_shard(group, None, most)

    def _of_shard(self, records: Sequence[Record], shard: Shard | None, most: int) -> Iterator[Packed]:
        start = 0
        while start < len(records):
            key = records[start].key
            end, data, keys = self._aggregation.encode(records, start, most - utf8_bytes(key))
            if end == start + 1:
                yield alone(records[start], shard)
            else:
                hash_key = None if keys == 1 or shard is None else str(shard.first_hash)
                yield Packed(key, data, hash_key, records[start:end], shard)
            start = end


class SpreadKpl:
    """KPL aggregation of records without keys."""

    ratio = 1.0

    def __init__(self, place: Callable[[int], tuple[str, Shard | None]]) -> None:
        self._aggregation = Aggregation()
        self._place = place

    def pack(self, records: Sequence[Record], shard: Shard | None, most: int) -> Iterator[Packed]:
        """As `Packer`."""
        start = 0
        while start < len(records):
            key, shard = self._place(records[start].number)
            end, data, _ = self._aggregation.encode(records, start, most - utf8_bytes(key), key)
            if end == start + 1:
                data = records[start].data
            yield Packed(key, data, None, records[start:end], shard)
            start = end


class KeyedLines:
    """Lines of records with keys: those of one key together."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    @property
    def ratio(self) -> float:
        """As `Packer`."""
        return self._lines.ratio

    def pack(self, records: Sequence[Record], shard: Shard | None, most: int) -> Iterator[Packed]:
        """As `Packer`."""
        for group in by_key(records):
            key, start = group[0].key, 0
            while start < len(group):
                end, data = self._lines.encode(group, start, most - utf8_bytes(key))
                yield Packed(key, data, None, group[start:end], shard)
                start = end


class SpreadLines:
    """Lines of records without keys."""

    def __init__(self, lines: Lines, place: Callable[[int], tuple[str, Shard | None]]) -> None:
        self._lines = lines
        self._place = place

    @property
    def ratio(self) -> float:
        """As `Packer`."""
        return self._lines.ratio

    def pack(self, records: Sequence[Record], shard: Shard | None, most: int) -> Iterator[Packed]:
        """As `Packer`."""
        start = 0
        while start < len(records):
            key, shard = self._place(records[start].number)
            end, data = self._lines.encode(records, start, most - utf8_bytes(key))
            yield Packed(key, data, None, records[start:end], shard)
            start = end


def alone(record: Record, shard: Shard | None) -> Packed:
    """A record as it is: its own key brings it to its shard."""
    return Packed(record.key, record.data, None, (record,), shard)


def by_key(records: Sequence[Record]) -> list[list[Record]]:
    """The records of each key, in order; keys in the order of their first record."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        group = groups.get(record.key)
        if group is None:
            groups[record.key] = [record]
        else:
            group.append(record)
    return list(groups.values())


def utf8_bytes(key: str) -> int:
    """The length of a key in UTF-8."""
    return len(key) if key.isascii() else len(key.encode())
