import gzip
import hashlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from bridge.kinesis.packing import unpack
from bridge.kinesis.packing.kpl_aggregation import MAGIC, KplEncoder
from bridge.kinesis.packing.unpack import unpacked
from bridge.kinesis.shard_map import Shard, hash_of
from bridge.model import Record
from bridge.payloads.compression import decompressor
from tests.harness.consumers import kept_by_kcl

LINES = b'{"a":1}\n{"b":2}'


@given(st.lists(st.tuples(st.text(min_size=1, max_size=5), st.binary(max_size=300)), min_size=1, max_size=50))
def test_unpack_returns_the_aggregated_records(pairs):
    records = [Record(number, 1, key, data) for number, (key, data) in enumerate(pairs)]
    end, data, _ = KplEncoder().encode(records, 0, 1 << 20)
    assert list(unpacked(data)) == [record.data for record in records[:end]]


@pytest.mark.parametrize("data", [LINES, gzip.compress(LINES, mtime=0), zstandard.ZstdCompressor().compress(LINES)])
def test_lines_come_out_one_by_one(data):
    assert list(unpacked(data)) == [b'{"a":1}', b'{"b":2}']


def test_unpack_of_one_document_with_line_breaks_returns_it_unchanged():
    data = b'{"id":"0000000a-0001-00000000000a","data":{\r\n "a": 1,\n "b": [2]}\n}'
    assert list(unpacked(data)) == [data]
    assert list(unpacked(gzip.compress(data))) == [data]
    # `packing: lines` sends its line breaks as spaces.
    lines = data.translate(bytes.maketrans(b"\r\n", b"  "))
    assert list(unpacked(lines + b"\n" + lines + b"\n")) == [lines, lines]


@pytest.mark.parametrize(
    "data", [b"", b"x", b'{"a":1}', b"\xf3\x89\x9a\xc2" + bytes(30), b"\x1f\x8bno gzip", b"\x28\xb5\x2f\xfdno zstd"]
)
def test_unpack_of_plain_data_returns_it(data):
    assert list(unpacked(data)) == [data]


def test_unpack_of_a_bomb_returns_it_packed(monkeypatch):
    monkeypatch.setattr(unpack, "_decompressed", decompressor("auto", 1000))
    for bomb in (gzip.compress(bytes(1001)), zstandard.ZstdCompressor().compress(bytes(1001))):
        assert list(unpacked(bomb)) == [bomb]


@given(st.binary(max_size=200))
def test_unpack_of_any_bytes_raises_nothing(data):
    list(unpacked(data))


KEYED = st.lists(st.tuples(st.text(min_size=1, max_size=3), st.binary(max_size=30)), min_size=1, max_size=20)


@given(KEYED, st.integers(0, 2**128 - 1), st.integers(0, 2**128 - 1))
def test_unpack_keeps_what_the_kinesis_client_library_keeps(pairs, one, other):
    shard = Shard("shardId-0", min(one, other), max(one, other))
    records = [Record(number, 1, key, data) for number, (key, data) in enumerate(pairs)]
    end, data, _ = KplEncoder().encode(records, 0, 1 << 20)
    kept = unpack.unpack(data, shard)
    assert list(kept.records) == [each for _, each in kept_by_kcl(shard, "outer", data)]
    assert len(kept.records) + len(kept.discarded) == end


def test_unpack_discards_an_aggregate_with_one_key_of_another_shard():
    records = [Record(number, 1, f"key-{number}", b"%d" % number) for number in range(10)]
    _, data, _ = KplEncoder().encode(records, 0, 1 << 20)
    hashes = sorted(hash_of(record.key) for record in records)
    all_keys, all_but_one = Shard("0", hashes[0], hashes[-1]), Shard("0", hashes[0], hashes[-1] - 1)
    everything = [record.data for record in records]
    assert unpack.unpack(data, all_keys) == (everything, ())
    assert unpack.unpack(data, all_but_one) == ((), everything)
    assert unpack.unpack(data) == (everything, ())


def aggregate_of(body):
    return MAGIC + body + hashlib.md5(body).digest()


def test_unpack_uses_an_explicit_hash_key_of_a_record():
    """Other producers write field 2 of the aggregate and of the record. The bridge does not."""
    body = b"\x0a\x01a" + b"\x12\x015" + b"\x1a\x07\x08\x00\x10\x00\x1a\x01x"
    assert unpack.unpack(aggregate_of(body), Shard("0", 5, 5)).records == [b"x"]
    assert unpack.unpack(aggregate_of(body), Shard("0", 6, 9)).records == ()


@pytest.mark.parametrize("body", [b"\x0a\x05a", b"\x1a\x03\x08\x00\x1a", b"\xff\xff", b"\x0b\x01a"])
def test_unpack_of_an_aggregate_that_is_no_message_is_the_record_itself(body):
    data = aggregate_of(body)
    assert unpack.unpack(data, Shard("0", 0, 1)) == ((data,), ())


def test_unpack_of_a_record_without_a_key_returns_those_before_it():
    keyed, keyless = b"\x1a\x05\x08\x00\x1a\x01x", b"\x1a\x05\x08\x07\x1a\x01y"
    assert unpack.unpack(aggregate_of(b"\x0a\x01a" + keyed + keyless)) == ([b"x"], [b"y"])


def test_carriage_returns_do_not_end_a_line():
    assert list(unpacked(b'{"a":\r1}\n{"b":2}\n')) == [b'{"a":\r1}', b'{"b":2}']
