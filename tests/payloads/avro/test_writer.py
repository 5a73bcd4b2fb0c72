import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.payloads.avro.test_decoder import READING, VALUE, made

PRICE = {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"machin": "x"}, "plant.Reading has no field 'machin'"),
        (VALUE | {"ts": "x"}, "the payload.ts: expected long, found x"),
        (VALUE | {"ts": True}, "the payload.ts: expected long, found True"),
        (VALUE | {"ts": 2**63}, "the payload.ts: expected long"),
        (VALUE | {"state": "ON"}, "the payload.state: expected one of RUN, STOP, found ON"),
        (VALUE | {"id": [1]}, "the payload.id: expected 2 bytes, found 1"),
        (VALUE | {"raw": [256]}, "bytes must be in range"),
        (VALUE | {"temperature": "hot"}, "the payload.temperature: expected float, found hot"),
        (VALUE | {"samples": 1}, "the payload.samples: expected array"),
        (VALUE | {"tags": {"a": 1}}, "the payload.tags.a: expected string, found 1"),
        (VALUE | {"ok": 1}, "the payload.ok: expected boolean"),
        ([], "the payload: expected plant.Reading, found []"),
    ],
)
def test_value_that_is_none_of_the_schema_cannot_be_written(value, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        made(READING).encode(value)


@pytest.mark.parametrize(
    ("schema", "value", "reason"),
    [
        ("int", 2**31, "expected int, found 2147483648"),
        ("int", -(2**31) - 1, "expected int"),
        ("double", 10**400, "expected double"),
        ("float", 1e39, "expected float"),
        (PRICE, 12.345, "12.345 has more than 2 decimal places"),
        (PRICE, "NaN", "cannot convert NaN"),
        (PRICE, "1e999999", "expected bytes, found 1e999999"),
        ({**PRICE, "type": "fixed", "name": "F", "size": 1}, 1.28, "expected F, found 1.28"),
        ("bytes", [256], "bytes must be in range"),
        ({"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}, "1-2", "badly formed"),
        (["null", "int"], 2.5, "expected int, found 2.5"),
        (["int", "string"], 2.5, "expected int or string, found 2.5"),
    ],
)
def test_value_that_does_not_fit_is_reported_with_its_place(schema, value, reason):
    record = made(
        {"type": "record", "name": "R", "fields": [{"name": "a", "type": {"type": "array", "items": schema}}]}
    )
    with pytest.raises(ValueError, match=r"the payload\.a\[0\]: " + re.escape(reason)):
        record.encode({"a": [value]})


@pytest.mark.parametrize("value", [-(2**31), 2**31 - 1])
def test_int_has_32_bits(value):
    assert made("int").decode(made("int").encode(value)) == value


@given(number=st.integers(-(10**30), 10**30), scale=st.integers(0, 20), size=st.sampled_from([None, 14]))
def test_decimal_is_written_exactly(number, scale, size):
    kind = {"type": "bytes"} if size is None else {"type": "fixed", "name": "F", "size": size}
    decoder = made({**kind, "logicalType": "decimal", "precision": 40, "scale": scale})
    value = Decimal(number).scaleb(-scale)
    assert Decimal(str(decoder.decode(decoder.encode(str(value))))) == value


def test_first_type_of_a_union_that_fits_is_written():
    union = made(["null", "int", "long", "double", "string"])
    for value, number in ((None, 0), (1, 1), (2**31, 2), (1.5, 3), ("a", 4)):
        assert union.encode(value)[0] == 2 * number


def test_empty_collection_is_written_without_a_block():
    assert made({"type": "array", "items": "int"}).encode([]) == b"\0"
    assert made({"type": "map", "values": "int"}).encode({}) == b"\0"
