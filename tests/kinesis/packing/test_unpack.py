import gzip

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from bridge.kinesis.packing import unpack
from bridge.kinesis.packing.kpl_aggregation import Aggregation
from bridge.kinesis.packing.unpack import unpacked
from bridge.model import Record
from bridge.payloads.compression import decompressor

LINES = b'{"a":1}\n{"b":2}'


@given(st.lists(st.tuples(st.text(min_size=1, max_size=5), st.binary(max_size=300)), min_size=1, max_size=50))
def test_what_was_aggregated_comes_out_as_it_went_in(pairs):
    records = [Record(number, 1, key, data) for number, (key, data) in enumerate(pairs)]
    end, data, _ = Aggregation().encode(records, 0, 1 << 20)
    assert list(unpacked(data)) == [record.data for record in records[:end]]


@pytest.mark.parametrize("data", [LINES, gzip.compress(LINES, mtime=0), zstandard.ZstdCompressor().compress(LINES)])
def test_lines_come_out_one_by_one(data):
    assert list(unpacked(data)) == [b'{"a":1}', b'{"b":2}']


@pytest.mark.parametrize(
    "data", [b"", b"x", b'{"a":1}', b"\xf3\x89\x9a\xc2" + bytes(30), b"\x1f\x8bno gzip", b"\x28\xb5\x2f\xfdno zstd"]
)
def test_what_is_not_packed_is_itself(data):
    assert list(unpacked(data)) == [data]


def test_what_would_become_too_large_is_itself(monkeypatch):
    monkeypatch.setattr(unpack, "_decompressed", decompressor("auto", 1000))
    for bomb in (gzip.compress(bytes(1001)), zstandard.ZstdCompressor().compress(bytes(1001))):
        assert list(unpacked(bomb)) == [bomb]


@given(st.binary(max_size=200))
def test_nothing_that_a_stream_may_hold_stops_it(data):
    list(unpacked(data))
