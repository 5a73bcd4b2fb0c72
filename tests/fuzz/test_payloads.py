"""Any payload is decoded, or rejected with a reason, within bounded time and memory."""

import gzip
import io
import json
import tracemalloc
import zlib

import cbor2
import msgpack
import orjson
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import DecodeError
from bridge.payloads import DECODERS
from bridge.payloads.compression import compress, decompressor
from bridge.payloads.csv import CsvDecoder
from tests.fuzz.mutation import nearly
from tests.mapping.builders import applied, mapping, message

VALUE = {"ts": 1700000000000, "t": [21.5, -1, None, True], "name": "Größe 😀", "deep": {"a": {"b": [[], {}]}}}
DEEP = 100_000
MIB = 1 << 20

GOOD = {
    "json": [json.dumps(VALUE).encode(), b"[1e308, -0.0, 18446744073709551615]", b'"\\ud83d\\ude00"'],
    "text": ["Größe 😀".encode(), b""],
    "number": [b" -12.5e3 ", b"18446744073709551615", b".5"],
    "bytes": [b"\x00\xff"],
    "msgpack": [msgpack.packb(VALUE), msgpack.packb([msgpack.Timestamp(1, 2), b"\x00", 2**64 - 1])],
    "cbor": [cbor2.dumps(VALUE), cbor2.dumps([2**64, b"\x00", cbor2.undefined]), b"\x9f\x01\x5f\x41\x00\xff\xff"],
    "json_lines": [b'{"a": 1}\n{"a": [2]}\n', b'\x1e{"a": 1}\n\x1e2', b'{"a":{}}[1]"x"'],
    "line_protocol": [b'w,s=pdx f=21.5,n=7i,u=8u,ok=t,s="a \\"b" 1700000000000000000\n', b"# c\nm\\ x,a\\,b=c f=1e3\n"],
    "xml": [
        b'<r id="7"><t u="C">21.5</t><a>A</a><a/></r>',
        b'<?xml version="1.0" encoding="latin-1"?><!-- c --><a>\xfc<![CDATA[<]]>&lt;</a>',
        "<a>ü</a>".encode("utf-16"),
    ],
    "csv": [b'a,b\n1,"x ""y"" z"\n2.5,\n', b"\xef\xbb\xbfa;b\r\n1;2\r\n"],
}
"""Payloads by the name of the decoder."""
PACKED = {name: compress(name, json.dumps(VALUE).encode()) for name in ("gzip", "zlib", "deflate", "zstd")}


def read(name, payload):
    return (CsvDecoder(None) if name == "csv" else DECODERS[name]).decode(payload)


def test_fuzz_cases_cover_every_decoder():
    assert GOOD.keys() == DECODERS.keys() | {"csv"}


@pytest.mark.parametrize("name", GOOD)
@given(data=st.data())
def test_payload_that_is_nearly_valid_is_decoded_or_rejected(name, data):
    payload = data.draw(nearly(*GOOD[name]))
    try:
        value = read(name, payload)
    except DecodeError as error:
        assert 0 < len(error.detail) < 400  # noqa: PT017 - either is right
        orjson.dumps(error.detail)
    else:
        assert isinstance(value, dict | list | str | int | float | bool | None)


@given(
    nearly(*GOOD["json"], *GOOD["msgpack"], *GOOD["cbor"], *PACKED.values()),
    st.sampled_from(["json", "msgpack", "cbor"]),
    st.sampled_from(["none", "auto"]),
)
def test_mapping_makes_records_or_rejections_of_it_and_never_raises(payload, name, compression):
    made = mapping(payload=name, compression=compression, transform="{all: payload, sum: length(keys(payload))}")
    drafts, rejections, _ = applied(made, message(payload))
    assert bool(drafts) != bool(rejections)
    for draft in drafts:
        orjson.loads(draft.data)


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("json", b"[" * DEEP),
        ("json", b"[" * DEEP + b"]" * DEEP),
        ("json", b'{"a":' * DEEP + b"1" + b"}" * DEEP),
        ("msgpack", b"\x91" * DEEP + b"\x01"),
        ("cbor", b"\x81" * DEEP + b"\x01"),
        ("cbor", b"\x9f" * DEEP),
        ("cbor", b"\xc2" * DEEP),
        ("json_lines", b"[" * DEEP),
        ("json_lines", b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"{}"),
        ("xml", b"<a>" * DEEP),
        ("xml", b"<a>" * DEEP + b"</a>" * DEEP),
    ],
)
def test_payload_nested_too_deeply_is_rejected(name, payload):
    with pytest.raises(DecodeError):
        read(name, payload)


@pytest.mark.parametrize("depth", [64, 253, 254, 255, 1023])
def test_deepest_nesting_of_json_is_a_record_or_a_rejection(depth):
    drafts, rejections, _ = applied(mapping(transform="{all: payload}"), message(b"[" * depth + b"]" * depth))
    assert bool(drafts) != bool(rejections)


def bombs():
    zeros, raw = bytes(64 * MIB), io.BytesIO()
    with zstandard.ZstdCompressor(level=19).stream_writer(raw, closefd=False) as writer:
        writer.write(zeros)
    twice = gzip.compress(gzip.compress(zeros))
    inflating = {"zlib": zlib.compress(zeros), "deflate": compress("deflate", zeros)}
    return {
        **inflating,
        "gzip": gzip.compress(zeros),
        "zstd": raw.getvalue(),
        "many": gzip.compress(b"") * 90_000,
        "twice": twice,
    }


def test_decompression_bomb_stays_within_the_memory_limit():
    made = bombs()
    tracemalloc.start()
    try:
        for name, bomb in made.items():
            undo = decompressor(name if name in PACKED else "gzip", MIB)
            if name == "twice":
                assert len(undo(bomb)) < MIB
                continue
            with pytest.raises(DecodeError):
                undo(bomb)
        assert (
            tracemalloc.get_traced_memory()[1] < 24 * MIB
        )  # zstd has a window of 8 MiB, both as one piece and in blocks
    finally:
        tracemalloc.stop()


@given(nearly(*PACKED.values()), st.sampled_from(["gzip", "zlib", "deflate", "zstd", "auto"]))
def test_payload_that_is_nearly_compressed_is_decompressed_or_rejected(payload, compression):
    try:
        assert len(decompressor(compression, 10_000, text=True)(payload)) <= max(10_000, len(payload))
    except DecodeError as error:
        assert error.detail  # noqa: PT017 - either is right
