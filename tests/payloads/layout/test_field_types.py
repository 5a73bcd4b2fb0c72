import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.payloads.layout.field_types import ORDERS, big_endian, field_type, struct_prefix


@pytest.mark.parametrize("bits", [8, 16, 24, 32, 40, 48, 56, 64])
def test_integer_type_reads_its_smallest_and_largest_number(bits):
    unsigned, signed = field_type(f"u{bits}", None), field_type(f"i{bits}", None)
    assert (unsigned.size, signed.size) == (bits // 8, bits // 8)
    octets = b"\xff" * (bits // 8)
    assert (unsigned.read(octets), signed.read(octets)) == (2**bits - 1, -1)
    lowest = b"\x80" + bytes(bits // 8 - 1)
    assert (unsigned.read(lowest), signed.read(lowest)) == (2 ** (bits - 1), -(2 ** (bits - 1)))


@pytest.mark.parametrize("name", ["u8", "i8", "u16", "i16", "u24", "u32", "i32", "i56", "u64", "i64"])
def test_struct_code_of_an_integer_reads_the_same_number(name):
    kind = field_type(name, None)
    octets = bytes(range(0xF0, 0xF0 + kind.size))
    if kind.size in (1, 2, 4, 8):
        assert struct.unpack(f">{kind.code}", octets) == (kind.read(octets),)
    else:
        assert kind.code is None


@pytest.mark.parametrize("name", ["u12", "u128", "i", "f8", "u08", "float", "", "U8", "bool8"])
def test_type_that_is_unknown_is_none(name):
    assert field_type(name, None) is None


@pytest.mark.parametrize(("length", "size"), [(None, 1), (-1, 1), (1, 1), (7, 7)])
def test_number_in_brackets_is_the_size_of_a_text(length, size):
    for name in ("text", "bytes", "bcd"):
        kind = field_type(name, length)
        assert (kind.size, kind.sized, kind.characters) == (size, True, name != "bcd")
    assert field_type("u16", 7).size == 2


@given(data=st.binary(min_size=2, max_size=16).filter(lambda data: len(data) % 2 == 0), order=st.sampled_from(ORDERS))
def test_order_applied_twice_restores_the_bytes(data, order):
    assert big_endian(big_endian(data, order), order) == data


def test_orders_are_those_of_modbus_gateways():
    sent = {"big": b"ABCD", "little": b"DCBA", "word_swap": b"CDAB", "byte_swap": b"BADC"}
    assert tuple(sent) == ORDERS
    assert {big_endian(octets, order) for order, octets in sent.items()} == {b"ABCD"}
    assert [struct_prefix(order) for order in ORDERS] == [">", "<", None, None]


@given(number=st.integers(0, 10**12 - 1))
def test_bcd_has_two_digits_in_each_byte(number):
    assert field_type("bcd", 6).read(bytes.fromhex(f"{number:012d}")) == number


@pytest.mark.parametrize("octets", [b"\x0a", b"\xa0", b"\x12\xff"])
def test_bcd_with_a_digit_over_9_is_rejected(octets):
    with pytest.raises(ValueError, match=f"a bcd field holds 0x{octets.hex()}, which has digits over 9"):
        field_type("bcd", len(octets)).read(octets)


@pytest.mark.parametrize(
    ("octets", "text"), [(b"", ""), (b"\0\xff", ""), (b"ab\0cd", "ab"), (b"G\xc3\xb6", "G\u00f6"), (b" a ", " a ")]
)
def test_text_ends_at_its_first_nul(octets, text):
    assert field_type("text", None).read(octets) == text


def test_text_that_is_not_utf8_is_rejected_with_its_place():
    with pytest.raises(ValueError, match=r"a text field is not UTF-8: found 0xf6 at its byte 1; to_text reads"):
        field_type("text", 3).read(b"G\xf6\0")


@pytest.mark.parametrize(("name", "code"), [("f16", ">e"), ("f32", ">f"), ("f64", ">d")])
@given(number=st.floats(width=16))
def test_float_type_reads_numbers_and_null(name, code, number):
    found = field_type(name, None).read(struct.pack(code, number))
    # The shortest number that rounds to the same bytes can differ from the number itself.
    assert struct.pack(code, found) == struct.pack(code, number) if math.isfinite(number) else found is None


def test_boolean_type_is_true_for_any_byte_but_zero():
    assert [field_type("bool", None).read(bytes([octet])) for octet in (0, 1, 2, 255)] == [False, True, True, True]
