import math
import struct

import cbor2
import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.expressions.expression import compile_expression
from bridge.payloads import DECODERS
from bridge.payloads.float32 import shortest_float16, shortest_float32

SINGLE, HALF = "<f", "<e"


@pytest.mark.parametrize("number", [28.7, -0.1, 1e-45, 3.4028235e38, 1.1754944e-38, 21.5, 0.0, 8.58997e9])
def test_shortest_float32_is_the_number_that_was_meant(number):
    assert shortest_float32(struct.pack(SINGLE, number)) == number


@pytest.mark.parametrize("number", [16777216.0, -16777215.0, 3.0])
def test_shortest_float32_of_a_complete_number_up_to_24_bits_is_exact(number):
    assert shortest_float32(struct.pack(SINGLE, number)) == number


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_shortest_float32_is_the_same_float_with_the_fewest_digits(number):
    data = struct.pack(SINGLE, number)
    shortest = shortest_float32(data)
    assert struct.pack(SINGLE, shortest) == data
    fewest = next(digits for digits in range(1, 10) if same_float(float(f"{number:.{digits}g}"), data))
    assert shortest == float(f"{number:.{fewest}g}")


def same_float(number, data):
    return abs(number) <= 3.4028235e38 and struct.pack(SINGLE, number) == data


@given(st.floats(width=16, allow_nan=False, allow_infinity=False))
def test_shortest_float16_is_the_same_float(number):
    data = struct.pack(HALF, number)
    assert struct.pack(HALF, shortest_float16(data)) == data


@pytest.mark.parametrize("number", [math.inf, -math.inf])
def test_shortest_of_an_infinity_is_itself(number):
    assert shortest_float32(struct.pack(SINGLE, number)) == number
    assert math.isnan(shortest_float32(struct.pack(SINGLE, math.nan)))


def single(head, number):
    return head + struct.pack(">f", number)


VALUES = [
    28.7,
    "\xca\xfa text",
    28.700000762939453,
    [0.1, 1, -5, None],
    {"a": 0.1, "b": "x" * 300, "c": b"\xca\xfa\xca"},
]
READ = [28.7, "\xca\xfa text", 28.700000762939453, [0.1, 1, -5, None], {"a": 0.1, "b": "x" * 300, "c": [202, 250, 202]}]


@pytest.mark.parametrize(
    ("decoder", "encode", "head", "wrap"),
    [("msgpack", msgpack.packb, b"\xca", b"\x94"), ("cbor", cbor2.dumps, b"\xfa", b"\x84")],
)
def test_float32_is_shortest_and_other_values_are_unchanged(decoder, encode, head, wrap):
    data = wrap + single(head, 28.7) + encode(VALUES) + single(head, math.nan) + single(head, 0.1)
    assert DECODERS[decoder].decode(data) == [28.7, READ, None, 0.1]


@given(
    st.recursive(
        st.none() | st.integers(0, 2**32) | st.floats(allow_nan=False, allow_infinity=False) | st.text(), st.lists
    )
)
def test_values_without_a_float32_are_unchanged(value):
    assert DECODERS["msgpack"].decode(msgpack.packb([value, b"\xca"])) == [value, [202]]
    assert DECODERS["cbor"].decode(cbor2.dumps([value, b"\xfa"])) == [value, [250]]


@pytest.mark.parametrize(("layout", "shown"), [(">f", 28.7), (">e", 28.7), (">d", 28.7)])
def test_bytes_to_float_is_the_shortest_number(layout, shown):
    scope = {"payload": list(struct.pack(layout, 28.7))}
    assert compile_expression("bytes_to_float(payload)").search(scope) == shown
