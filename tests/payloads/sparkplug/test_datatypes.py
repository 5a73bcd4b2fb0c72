import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import DecodeError
from bridge.payloads.sparkplug import datatypes
from bridge.payloads.sparkplug.datatypes import DATATYPES, MAX_BOOLEANS, datatype_name, value_of
from bridge.payloads.sparkplug.wire_format import read_payload
from tests.payloads.sparkplug.wire import (
    double,
    integer,
    part,
    payload,
    single,
)


def fields_of(data):
    return read_payload(payload(data))["metrics"][0]


def value(name, field):
    return value_of(fields_of(field), DATATYPES.index(name))


def test_datatypes_have_the_numbers_of_the_specification():
    names = {name: number for number, name in enumerate(DATATYPES)}
    assert (names["Int8"], names["UInt64"], names["Boolean"], names["DateTime"]) == (1, 8, 11, 13)
    assert (names["Template"], names["Int8Array"], names["DateTimeArray"]) == (19, 22, 34)


@pytest.mark.parametrize("number", [35, 2**64 - 1])
def test_number_that_stands_for_no_datatype_is_unknown(number):
    assert datatype_name(number) == "Unknown"


@pytest.mark.parametrize(
    ("name", "field", "expected"),
    [
        ("Int8", integer(10, 2**32 - 5), -5),
        ("Int8", integer(10, 251), -5),
        ("Int16", integer(10, 2**16 - 1), -1),
        ("Int16", integer(10, 32767), 32767),
        ("Int32", integer(10, 2**31), -(2**31)),
        ("Int32", integer(10, -7), -7),
        ("Int32", integer(11, -7), -7),
        ("Int64", integer(11, 2**63), -(2**63)),
        ("Int64", integer(11, 2**63 - 1), 2**63 - 1),
        ("UInt8", integer(10, 255), 255),
        ("UInt8", integer(10, 2**32 - 1), 255),
        ("UInt16", integer(11, -1), 2**16 - 1),
        ("UInt32", integer(11, 2**33 + 5), 5),
        ("UInt32", integer(11, 2**32 - 1), 2**32 - 1),
        ("UInt64", integer(11, 2**64 - 1), 2**64 - 1),
        ("Float", single(12, 21.5), 21.5),
        ("Float", single(12, 28.7), 28.7),
        ("Double", double(13, 0.1), 0.1),
        ("Boolean", integer(14, 1), True),
        ("Boolean", integer(10, 0), False),
        ("String", part(15, "é"), "é"),
        ("DateTime", integer(11, 1_700_000_000_000), 1_700_000_000_000),
        ("DateTime", integer(11, -1), -1),
        ("Text", part(15, ""), ""),
        ("UUID", part(15, "0-0"), "0-0"),
        ("Bytes", part(16, b"\x00\xff"), [0, 255]),
        ("File", part(16, b""), []),
        ("Unknown", integer(11, 2**64 - 1), 2**64 - 1),
    ],
)
def test_scalars(name, field, expected):
    found = value(name, field)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("number", "text"), [(float("nan"), "NaN"), (float("inf"), "Infinity"), (float("-inf"), "-Infinity")]
)
@pytest.mark.parametrize("encode", [lambda each: single(12, each), lambda each: double(13, each)])
def test_double_without_a_json_number_is_text(number, text, encode):
    assert value("Double", encode(number)) == text


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("Int8Array", b"\xe9\x7b", [-23, 123]),
        ("Int16Array", b"\xd0\x8a\x30\x75", [-30000, 30000]),
        ("Int32Array", b"\xff\xff\xff\xff\xfa\xaf\xcb\x12", [-1, 315338746]),
        ("Int64Array", struct.pack("<2q", -(2**63), 5), [-(2**63), 5]),
        ("UInt8Array", b"\x17\xfa", [23, 250]),
        ("UInt16Array", b"\x1e\x00\x88\xcc", [30, 52360]),
        ("UInt32Array", b"\x34\x00\x00\x00\x49\xfb\x55\xc4", [52, 3293969225]),
        ("UInt64Array", struct.pack("<2Q", 52, 2**64 - 1), [52, 2**64 - 1]),
        ("FloatArray", struct.pack("<3f", 1.5, 28.7, float("nan")), [1.5, 28.7, "NaN"]),
        ("DoubleArray", struct.pack("<2d", 12.354213, float("-inf")), [12.354213, "-Infinity"]),
        (
            "BooleanArray",
            b"\x0c\x00\x00\x00\x34\xd0",
            [False, False, True, True, False, True, False, False, True, True, False, True],
        ),
        ("BooleanArray", b"\x00\x00\x00\x00", []),
        ("StringArray", b"ABC\x00hello\x00", ["ABC", "hello"]),
        ("StringArray", b"ABC\x00\x00hello", ["ABC", "", "hello"]),
        ("StringArray", b"", []),
        ("StringArray", b"\xb0C\x00", ["\ufffdC"]),
        ("DateTimeArray", struct.pack("<2q", 1256102875335, -1), [1256102875335, -1]),
    ],
)
def test_arrays(name, data, expected):
    assert value(name, part(16, data)) == expected


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("Int32Array", b"\x00" * 7),
        ("DoubleArray", b"\x00"),
        ("BooleanArray", b"\x01\x00\x00"),
        ("BooleanArray", b"\x09\x00\x00\x00\xff"),
        ("BooleanArray", b"\xff\xff\xff\xff\xff"),
        ("BooleanArray", (MAX_BOOLEANS + 1).to_bytes(4, "little") + bytes(MAX_BOOLEANS // 8 + 1)),
    ],
)
def test_array_of_the_wrong_size_is_rejected(name, data):
    with pytest.raises(DecodeError):
        value(name, part(16, data))


@pytest.mark.parametrize("name", ["Int32", "Boolean", "Int32Array", "BooleanArray", "StringArray", "DateTime"])
def test_value_of_another_kind_is_left_as_sent(name):
    assert value(name, part(15, "text")) == "text"
    assert value(name, double(13, 1.5)) == 1.5


def test_data_set_is_rows_of_converted_values():
    row = part(4, part(1, integer(1, -5)) + part(1, part(6, "x")) + part(1, b""))
    data_set = part(17, part(2, "n") + part(2, "s") + integer(3, 3) + integer(3, 12) + row)
    assert value("DataSet", data_set) == {
        "columns": ["n", "s"],
        "types": ["Int32", "String"],
        "rows": [[-5, "x", None]],
    }


@given(st.integers(0, 40), st.integers(0, 40))
def test_boolean_array_has_booleans_up_to_the_limit(count, limit):
    data = part(16, count.to_bytes(4, "little") + bytes(5))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(datatypes, "MAX_BOOLEANS", limit)
        if count <= limit:
            assert value("BooleanArray", data) == [False] * count
        else:
            with pytest.raises(DecodeError, match=f"an array of {count} booleans"):
                value("BooleanArray", data)
