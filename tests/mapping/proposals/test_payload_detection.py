import gzip
import json

import cbor2
import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import DecodeError
from bridge.mapping.proposals import payload_detection
from bridge.mapping.proposals.payload_detection import PayloadKind, kind_of
from bridge.payloads import DECODERS
from bridge.payloads.csv import CsvDecoder

PIECES = st.sampled_from([
    b"1", b"a", b",", b";", b"\n", b"\r", b'"', b"{", b"}", b'{"a": 1}', b"[", b"]", b"<a>", b"</a>", b"m f=1", b"\x00",
    b"\xff", b"\xe2\x80\xa8", b"\x1e", b" ", b"\x1f\x8b", b"\x81\xa1a\x01",
])  # fmt: skip
PAYLOADS = st.binary(max_size=20) | st.lists(PIECES, max_size=6).map(b"".join)


def decoded(kind, payload):
    if kind.payload == "csv":
        return CsvDecoder(kind.columns, kind.delimiter).decode(payload)
    return DECODERS[kind.payload].decode(payload)


@given(st.lists(PAYLOADS, min_size=1, max_size=4))
def test_kind_of_any_payloads_decodes_them_all(payloads):
    kind = kind_of("a/b", payloads)
    found = [each for each in payloads if each]
    assert (kind is None) is (found == [])
    if kind is None or kind.compression != "none":
        return
    values = [decoded(kind, each) for each in found]
    if kind.form == "object":
        assert all(isinstance(value, dict) for value in values)
    if kind.form == "objects":
        assert all(isinstance(item, dict) for value in values for item in value)


@pytest.mark.parametrize("payloads", [[], [b""], [b"", b""]])
def test_kind_of_empty_payloads_is_unknown(payloads):
    assert kind_of("a", payloads) is None


@pytest.mark.parametrize(
    ("payloads", "kind"),
    [
        ([b"1", b"", b"2.5"], PayloadKind("number")),
        ([b"1", b"true"], PayloadKind("json")),
        ([b"1", b"RUN"], PayloadKind("text")),
        ([b"{}", b'{"a": 1}'], PayloadKind("json", form="object")),
        ([b"{}", b"[{}]"], PayloadKind("json")),
        ([b"[{}]", b"[]"], PayloadKind("json")),
        ([b"[{}]", b"[{}, {}]"], PayloadKind("json", form="objects")),
        ([b"RUN\x1b[0m"], PayloadKind("bytes")),
        ([b"\xff"], PayloadKind("bytes")),
        ([msgpack.packb([{"a": 1}])], PayloadKind("msgpack", form="objects")),
        ([cbor2.dumps({"a": 1}), cbor2.dumps({})], PayloadKind("bytes")),
    ],
)
def test_kind_is_the_most_specific_of_all_payloads(payloads, kind):
    assert kind_of("a/b", payloads) == kind


@pytest.mark.parametrize(
    ("payloads", "header", "delimiter"),
    [
        ([b"a,b\n1,2\n"], "names", ","),
        ([b"a;b\n1;2\n", b"a;b\n3,5;4"], "names", ";"),
        ([b"x\t1\ny\t2\n"], ("column_1", "column_2"), "\t"),
        ([b"a,b\n1,2\n", b"b,a\n1,2\n"], None, ""),
        ([b"a,b\n"], None, ""),
        ([b"Hello, world\nand, you", b"Bye, world\nand, you"], None, ""),
        ([b"1,2\n3"], None, ""),
        ([b"a,a\n1,2\n"], None, ""),
        ([",".join(["1"] * 200).encode()], tuple(f"column_{n}" for n in range(1, 201)), ","),
        ([",".join(["1"] * 201).encode()], None, ""),
    ],
)
def test_kind_of_text_is_csv_only_with_a_header_or_numbers(payloads, header, delimiter):
    kind = kind_of("a/b", payloads)
    if header is None:
        assert kind == PayloadKind("text")
    else:
        columns = None if header == "names" else header
        assert kind == PayloadKind("csv", "none", "objects", columns, delimiter)


def test_kind_of_compressed_payloads_names_the_compression():
    packed, plain = gzip.compress(b'{"a": 1}'), b'{"a": 2}'
    assert kind_of("a", [packed]) == PayloadKind("json", "gzip", "object")
    assert kind_of("a", [packed, plain]) == PayloadKind("json", "auto", "object")


def test_kind_of_payloads_that_only_look_compressed_is_bytes():
    assert kind_of("a", [gzip.compress(b"1")[:8]]) == PayloadKind("bytes")


def test_kind_of_a_payload_over_the_decompression_limit_is_bytes(monkeypatch):
    monkeypatch.setattr(payload_detection, "DEFAULT_LIMIT", 100)
    assert kind_of("a", [gzip.compress(b"1" * 100)]).compression == "gzip"
    assert kind_of("a", [gzip.compress(b"1" * 101)]) == PayloadKind("bytes")


@pytest.mark.parametrize(
    ("topic", "kind"),
    [
        ("spBv1.0/g/NDATA/n", "sparkplug_b"),
        ("spBv1.0/g/DDATA/n/d", "sparkplug_b"),
        ("spBv1.0/STATE/host", "sparkplug_b"),
        ("spBv1.0/g/NDATA", "json"),
        ("spBv1.0/STATE", "json"),
        ("a/spBv1.0/g/NDATA/n", "json"),
    ],
)
def test_kind_of_sparkplug_depends_on_the_topic(topic, kind):
    assert kind_of(topic, [json.dumps({"online": True}).encode()]).payload == kind


def test_kind_of_deeply_nested_json_is_found():
    payload = b"[" * 100_000 + b"]" * 100_000
    with pytest.raises(DecodeError):
        DECODERS["json"].decode(payload)
    assert kind_of("a", [payload]) == PayloadKind("text")
