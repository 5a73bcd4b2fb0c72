import struct
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import DecodeError
from bridge.payloads.avro import reader
from tests.payloads.avro.test_decoder import READING, made

NODE = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]}


def test_blocks_may_state_their_size():
    assert made({"type": "array", "items": "long"}).decode(b"\x03\x04\x06\x36\x02\x08\x00") == [3, 27, 4]


def test_float_is_the_shortest_number_and_nan_is_null():
    assert made("float").decode(struct.pack("<f", 28.7)) == 28.7
    assert made("float").decode(struct.pack("<f", float("nan"))) is None
    assert made("double").decode(struct.pack("<d", float("inf"))) is None


@pytest.mark.parametrize(
    ("schema", "data", "reason"),
    [
        ("long", b"", "ends within a value, at byte 0"),
        ("long", b"\x80", "ends within a value, at byte 1"),
        ("long", b"\x80" * 11, "a number of more than 10 bytes, at byte 0"),
        ("long", b"\x02\x02", "1 byte after the value"),
        ("double", b"\x02", "ends within a value"),
        ("float", b"\x02", "ends within a value"),
        ("string", b"\x08ab", "a length of 4, at byte 0, with 2 bytes remaining"),
        ("string", b"\x01", "a length of -1"),
        ("string", b"\x04a\xff", "a text of the Avro is not UTF-8, at byte 2"),
        ("boolean", b"\x02", "2 is not a boolean, at byte 0"),
        (["null", "long"], b"\x04", "type 2 of a union of 2, at byte 0"),
        (["null", "long"], b"\x01", "type -1 of a union of 2"),
        (READING["fields"][3]["type"], b"\x04", "symbol 2 of an enum of 2, at byte 0"),
        ({"type": "fixed", "name": "F", "size": 4}, b"\x04", "ends within a value"),
    ],
)
def test_data_of_another_schema_is_rejected_with_its_place(schema, data, reason):
    with pytest.raises(DecodeError) as error:
        made(schema).decode(data)
    assert reason in error.value.detail


EMPTY = {"type": "record", "name": "E", "fields": []}


@pytest.mark.parametrize(
    ("schema", "data", "reason"),
    [
        (NODE, b"\x02" * 200_000 + b"\x00", "nested deeper than 128 levels"),
        (
            {"type": "array", "items": "null"},
            b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00",
            "more than 1,048,576 values",
        ),
        ({"type": "array", "items": EMPTY}, b"\x80\x80\x80\x01\x00", "more than 1,048,576 values"),
        ({"type": "map", "values": "null"}, b"\x80\x80\x80\x80\x02\x00", "more than 1,048,576 values"),
        ({"type": "array", "items": "null"}, b"\x01", "ends within a value"),
    ],
)
def test_values_from_few_bytes_are_limited(schema, data, reason):
    with pytest.raises(DecodeError) as error:
        made(schema).decode(data)
    assert reason in error.value.detail


@given(st.integers(0, 200))
def test_deepest_value_of_a_recursive_schema_is_read(levels):
    payload = b"\x02" * levels + b"\x00"
    if levels <= 128:
        assert made(NODE).decode(payload)
    else:
        with pytest.raises(DecodeError, match="nested deeper than 128 levels"):
            made(NODE).decode(payload)


@given(st.integers(0, 40), st.integers(1, 40))
def test_avro_array_has_values_up_to_the_limit(items, limit):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reader, "MAX_VALUES", limit)
        decoder, payload = made({"type": "array", "items": "null"}), bytes([2 * items]) + b"\0" * (items > 0)
        if items <= limit:
            assert decoder.decode(payload) == [None] * items
        else:
            with pytest.raises(DecodeError, match=f"more than {limit} values"):
                decoder.decode(payload)


def test_values_are_counted_over_all_arrays(monkeypatch):
    monkeypatch.setattr(reader, "MAX_VALUES", 5)
    nested = made({"type": "array", "items": {"type": "array", "items": "long"}})
    assert nested.decode(b"\x04\x02\x02\x00\x02\x02\x00\x00") == [[1], [1]]
    with pytest.raises(DecodeError, match="more than 5 values"):
        nested.decode(b"\x04\x04\x02\x02\x00\x04\x02\x02\x00\x00")


def test_records_that_contain_each_other_are_read_and_limited():
    inner = {"type": "record", "name": "B", "fields": [{"name": "a", "type": ["null", "A"]}]}
    decoder = made(
        {"type": "record", "name": "A", "fields": [{"name": "b", "type": inner}, {"name": "c", "type": "B"}]}
    )
    assert decoder.decode(b"\x02\0\0\0") == {"b": {"a": {"b": {"a": None}, "c": {"a": None}}}, "c": {"a": None}}
    with pytest.raises(DecodeError, match="nested deeper than 128 levels"):
        decoder.decode(b"\x02" * 1000)


def test_values_without_bytes_are_limited_even_in_nested_records(monkeypatch):
    monkeypatch.setattr(reader, "MAX_VALUES", 500)
    schema = {"type": "record", "name": "R0", "fields": []}
    for level in range(1, 9):
        fields = [{"name": "a", "type": schema}, {"name": "b", "type": f"R{level - 1}"}]
        schema = {"type": "record", "name": f"R{level}", "fields": fields}
        if level == 6:
            assert made(schema).decode(b"")
    with pytest.raises(DecodeError, match="more than 500 values"):
        made(schema).decode(b"")


def test_key_that_a_map_repeats_has_its_last_value():
    assert made({"type": "map", "values": "long"}).decode(b"\x03\x06\x02a\x02\x02a\x04\0") == {"a": 2}


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        (b"\xff" * 9 + b"\x01", -(2**63)),
        (b"\xfe" + b"\xff" * 8 + b"\x01", 2**63 - 1),
        (b"\x80\x00", 0),
        (b"\xff" * 9 + b"\x7f", -(2**63)),
    ],
    ids=["smallest", "largest", "padded", "excess_bits"],
)
def test_long_has_the_64_bits_of_up_to_ten_bytes(octets, value):
    assert made("long").decode(octets) == value


@pytest.mark.parametrize(("scale", "digits"), [(0, 4817), (100, 4717)])
def test_decimal_of_up_to_2000_bytes_is_exact(scale, digits):
    decoder = made({"type": "bytes", "logicalType": "decimal", "precision": 5000, "scale": scale})
    found = decoder.decode(b"\xa0\x1f\x7f" + b"\xff" * 1999)
    assert len(found.split(".")[0]) == digits
    assert Decimal(found.replace(".", "")) == 2**15999 - 1
    with pytest.raises(DecodeError, match="a decimal of 2001 bytes"):
        decoder.decode(b"\xa2\x1f\x7f" + b"\xff" * 2000)


def test_decimal_without_bytes_is_zero():
    assert made({"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}).decode(b"\0") == 0


def test_siblings_do_not_count_as_levels():
    fields = [{"name": "inner", "type": {"type": "array", "items": "Tree"}}]
    found = made({"type": "record", "name": "Tree", "fields": fields}).decode(b"\x90\x03" + b"\0" * 200 + b"\0")
    assert found == {"inner": [{"inner": []}] * 200}
