import gzip
import json
import os
import statistics

import pytest
import zstandard

from bridge.kinesis.packing.json_lines import MAX_PLAIN_BYTES, JsonLinesEncoder
from bridge.model import Record
from tests.fakes.stream_queue import records

UNDO = {"none": bytes, "gzip": gzip.decompress, "zstd": zstandard.ZstdDecompressor().decompress}


def telemetry(count):
    rows = [json.dumps({"machine": f"press{n % 20}", "ts": 1_700_000_000_000 + n, "v": n * 0.37}) for n in range(count)]
    return [Record(n, 1, "k", row.encode()) for n, row in enumerate(rows, 1)]


def encoded(lines, some, most):
    start, parts = 0, []
    while start < len(some):
        end, data = lines.encode(some, start, most)
        parts.append((end - start, data))
        start = end
    return parts


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_json_lines_have_each_record_as_a_line_in_order(compression):
    some = telemetry(2000)
    parts = encoded(JsonLinesEncoder(compression), some, 5000)
    text = b"".join(UNDO[compression](data) for _, data in parts)
    assert text == b"".join(record.data + b"\n" for record in some)
    assert all(len(data) <= 5000 for _, data in parts)


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_records_are_filled_after_the_ratio_is_known(compression):
    sizes = [len(data) for _, data in encoded(JsonLinesEncoder(compression), telemetry(9000), 5000)]
    assert statistics.mean(sizes[2:-1]) > 3500


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_json_lines_that_do_not_compress_still_fit(compression):
    random = [Record(n, 1, "k", os.urandom(100).hex().encode()) for n in range(1, 301)]
    parts = encoded(JsonLinesEncoder(compression), random, 2000)
    assert all(len(data) <= 2000 for _, data in parts)
    assert sum(count for count, _ in parts) == 300


def test_record_never_becomes_more_than_a_consumer_can_hold():
    same = records(100, data=b'"' + b"x" * 100_000 + b'"')
    for _, data in encoded(JsonLinesEncoder("zstd"), same, 1 << 20):
        assert len(UNDO["zstd"](data)) <= MAX_PLAIN_BYTES


def test_line_breaks_between_the_tokens_of_json_become_spaces():
    _, data = JsonLinesEncoder().encode([Record(1, 1, "k", b'{\r\n  "a": 1\n}')], 0, 100)
    assert data.count(b"\n") == 1
    assert json.loads(data) == {"a": 1}


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
@pytest.mark.parametrize("breaks", [b"\r\n", b"\r", b"\n", b"\n\r"])
def test_lines_contain_no_other_line_break(compression, breaks):
    pretty = [Record(n, 1, "k", breaks.join((b"{", b' "a": %d' % n, b"}"))) for n in range(3)]
    ((_, data),) = encoded(JsonLinesEncoder(compression), pretty, 10_000)
    lines = UNDO[compression](data)
    assert lines.count(b"\n") == 3
    assert b"\r" not in lines
    assert [json.loads(line) for line in lines.splitlines()] == [{"a": 0}, {"a": 1}, {"a": 2}]


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_lines_of_any_size_that_are_joined_are_one_record_a_line(compression):
    sizes = [10, 25_000, 25_600, 30_000, 200_000, 10]
    some = [Record(n, 1, "k", json.dumps("x" * (size - 2)).encode()) for n, size in enumerate(sizes)]
    start, joined = 0, b""
    lines = JsonLinesEncoder(compression)
    while start < len(some):
        start, data = lines.encode(some, start, 25_600, 1 << 20)
        joined += UNDO[compression](data)
    assert joined == b"".join(record.data + b"\n" for record in some)


@pytest.mark.parametrize(("limit", "newline"), [(11, b"\n"), (10, b"")])
def test_newline_is_missing_only_where_the_stream_has_no_room_for_it(limit, newline):
    assert JsonLinesEncoder().encode(records(2, data=b"1234567890"), 0, 5, limit) == (1, b"1234567890" + newline)


def test_record_that_is_all_a_record_can_be_has_no_newline():
    assert JsonLinesEncoder().encode(records(2, data=b"1234567890"), 0, 10) == (1, b"1234567890")


def test_record_larger_than_a_packed_one_goes_alone():
    assert [
        count for count, _ in encoded(JsonLinesEncoder("gzip"), records(3, data=os.urandom(500).hex().encode()), 100)
    ] == [
        1,
        1,
        1,
    ]
