import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.kinesis.packing.kpl_aggregation import KplEncoder
from bridge.model import Record
from tests.harness.consumers import unpacked

MODULES = Path(__file__).parents[3] / "build" / "node" / "node_modules"
KEYS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
RECORDS = st.lists(st.tuples(KEYS, st.binary(max_size=300)), min_size=1, max_size=60)


def made(rows):
    return [Record(number, 1, key, data) for number, (key, data) in enumerate(rows, 1)]


def aggregated(records, most):
    """All of them: [(first, end, data)]"""
    aggregation, start, parts = KplEncoder(), 0, []
    while start < len(records):
        end, data, _ = aggregation.encode(records, start, most)
        parts.append((start, end, data))
        start = end
    return parts


@settings(max_examples=60, deadline=None)
@given(RECORDS, st.integers(50, 3000))
def test_python_library_finds_what_was_put_in(rows, most):
    for start, end, data in aggregated(made(rows), most):
        assert unpacked("outer", data) == rows[start:end]


@settings(max_examples=60, deadline=None)
@given(RECORDS, st.integers(50, 3000))
def test_size_is_stored_to_and_made_use_of(rows, most):
    records = made(rows)
    for start, end, data in aggregated(records, most):
        assert len(data) <= most or end == start + 1
        if end < len(records):
            assert len(KplEncoder().encode(records[start : end + 1], 0, 1 << 30).data) > most


def test_node_library_finds_what_was_put_in():
    node = shutil.which("node") or shutil.which("nodejs")
    assert node, "the tests need Node: `make test` installs it"
    assert (MODULES / "aws-kinesis-agg").is_dir(), "the tests need npm's aws-kinesis-agg: `make test` installs it"
    rows = [(f"prèß-{n % 7}", os.urandom(n)) for n in range(400)]
    parts = aggregated(made(rows), 25_600)
    told = subprocess.run(
        [node, Path(__file__).with_name("deaggregate.js")],
        input="\n".join(base64.b64encode(data).decode() for *_, data in parts),
        env=os.environ | {"NODE_PATH": str(MODULES)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    found = [(key, base64.b64decode(data)) for line in told.splitlines() for key, data in json.loads(line)]
    assert found == rows
    assert len(parts) == 4


def test_key_given_replaces_the_records_own():
    end, data, keys = KplEncoder().encode(made([("a", b"1"), ("b", b"2")]), 0, 1000, "shared")
    assert (end, keys) == (2, 1)
    assert unpacked("outer", data) == [("shared", b"1"), ("shared", b"2")]


def test_keys_are_counted():
    assert KplEncoder().encode(made([("a", b""), ("b", b""), ("a", b"")]), 0, 1000).keys == 2


def test_record_costs_a_few_bytes_beside_its_data():
    records = made([("press07", b"x" * 200)] * 100)
    assert len(KplEncoder().encode(records, 0, 1 << 20).data) == 20 + 9 + 100 * (200 + 8)


def test_kpl_encoder_cache_has_a_bound():
    aggregation = KplEncoder()
    for length in range(25_000):
        aggregation.encode([Record(1, 1, "k", memoryview(b"x" * 25_000)[:length].tobytes())], 0, 1)
    assert len(aggregation._heads) <= 20_000
