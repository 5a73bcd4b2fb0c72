"""Extraction of the records from a packed record, with the same result as in a consumer.

The command `prove` uses this module to check that all records have arrived. The formats are documented in
kpl_aggregation.py and json_lines.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson

from bridge.errors import DecodeError
from bridge.kinesis.packing.kpl_aggregation import MAGIC, is_aggregate
from bridge.kinesis.shard_map import hash_of
from bridge.payloads.compression import decompressor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.kinesis.shard_map import Shard

_DIGEST_BYTES = 16
MAX_DECOMPRESSED_BYTES = 16 * 1024 * 1024
"""Maximum size of decompressed lines. The bridge's records are smaller: at most 10 MiB, or 4 MiB with compression."""
_decompressed = decompressor("auto", MAX_DECOMPRESSED_BYTES)
# The longest varint of a 64-bit integer has 10 bytes with 7 bits each.
_MAX_VARINT_BITS = 70
# Wire type of length-delimited fields: https://protobuf.dev/programming-guides/encoding/#structure
_BYTES_TYPE = 2
# Field numbers of an aggregate: its table of partition keys, its table of explicit hash keys, and its records.
_KEY, _HASH_KEY, _RECORD = 1, 2, 3
# Field numbers of a record in an aggregate.
_KEY_INDEX, _HASH_KEY_INDEX, _DATA = 1, 2, 3


class UnpackedRecords(NamedTuple):
    """Records that a consumer returns, and records that it discards without an error."""

    records: Sequence[bytes]
    discarded: Sequence[bytes] = ()


def unpacked(data: bytes) -> Iterator[bytes]:
    """Yield the records in one record of a stream. If that record is not packed, yield its data."""
    yield from unpack(data).records


def unpack(data: bytes, shard: Shard | None = None) -> UnpackedRecords:
    """Return the records in one record of a stream, as the Kinesis Client Library returns them from this shard.

    The library de-aggregates one level. If one key of an aggregate does not belong to the shard, the library discards
    all records of the aggregate (AggregatorUtil.deaggregate). If `shard` is None, the keys are not checked.
    """
    if is_aggregate(data):
        try:
            return _deaggregated(data[len(MAGIC) : -_DIGEST_BYTES], shard)
        except ValueError:
            return UnpackedRecords((data,))  # the format is invalid, and the library returns the data unchanged
    try:
        lines = _decompressed(data)
    except DecodeError:
        return UnpackedRecords((data,))  # another producer has written this record
    return UnpackedRecords(_lines(lines))


def _lines(data: bytes) -> Sequence[bytes]:
    """Return the documents of newline-delimited JSON. The data may also be one document with line breaks.

    Such a document occurs with `packing: none` and without `transform`, because the payload is then sent unchanged.
    """
    documents = data.removesuffix(b"\n").split(b"\n")
    if len(documents) > 1:
        try:
            orjson.loads(data)
        except ValueError:
            return documents
        return (data,)
    return documents


def _deaggregated(body: bytes, shard: Shard | None) -> UnpackedRecords:
    """Return the records of an aggregate. Raise ValueError if `body` is not in the KPL format."""
    keys: list[bytes] = []
    hash_keys: list[bytes] = []
    records: list[dict[int, int | bytes]] = []
    for number, value in _fields(body):
        if number == _RECORD:
            records.append(dict(_fields(_octets(value))))
        elif number in {_KEY, _HASH_KEY}:
            (keys if number == _KEY else hash_keys).append(_octets(value))
    found: list[bytes] = []
    for number, record in enumerate(records):
        try:
            hash_ = _hash(record, keys, hash_keys)
        except (IndexError, KeyError, UnicodeDecodeError):
            # The library logs the error, and returns the records before this record.
            return UnpackedRecords(found, [_data(each) for each in records[number:]])
        if shard is not None and not shard.first_hash <= hash_ <= shard.last_hash:
            return UnpackedRecords((), [_data(each) for each in records])
        found.append(_data(record))
    return UnpackedRecords(found)


def _hash(record: dict[int, int | bytes], keys: list[bytes], hash_keys: list[bytes]) -> int:
    """Return the hash that selects the shard of a record. Raise IndexError, KeyError or UnicodeDecodeError."""
    if _HASH_KEY_INDEX in record:
        return int(hash_keys[int(record[_HASH_KEY_INDEX])])
    return hash_of(keys[int(record[_KEY_INDEX])].decode())


def _data(record: dict[int, int | bytes]) -> bytes:
    return _octets(record.get(_DATA, b""))


def _octets(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a field is an integer and not bytes")  # noqa: TRY004  the message is malformed
    return value


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield (number, value) of each field of a protobuf message.

    Raise ValueError if the message ends within a field, or if a field has an unknown type.
    """
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        value, at = _varint(message, at)
        if tag & 7 == _BYTES_TYPE:
            if at + value > len(message):
                raise ValueError("a field is longer than the message")
            yield tag >> 3, message[at : at + value]
            at += value
        elif tag & 7 == 0:
            yield tag >> 3, value
        else:
            raise ValueError("an unknown wire type")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Return the integer at the index `at`, and the index after it. Raise ValueError if the integer is incomplete."""
    value = shift = 0
    while at < len(message) and shift < _MAX_VARINT_BITS:
        octet = message[at]
        at += 1
        value |= (octet & 0x7F) << shift
        shift += 7
        if octet < 0x80:  # noqa: PLR2004 - in the last byte, the highest bit is 0
            return value, at
    raise ValueError("the message ends within an integer")
