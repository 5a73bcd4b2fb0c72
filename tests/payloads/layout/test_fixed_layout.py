import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.payloads.layout.fixed_layout import compile_layout

BYTES = {"big": "ABCD", "little": "DCBA", "word_swap": "CDAB", "byte_swap": "BADC"}


def unpack(layout, data):
    return compile_layout(layout)(data)


@given(a=st.integers(0, 255), b=st.integers(-(2**15), 2**15 - 1), c=st.integers(0, 2**64 - 1), d=st.integers())
def test_integers_of_every_size_are_those_of_the_struct_module(a, b, c, d):
    d %= 2**24
    data = struct.pack(">BhQ", a, b, c) + d.to_bytes(3, "big")
    assert unpack("a:u8 b:i16 c:u64 d:u24", data) == {"a": a, "b": b, "c": c, "d": d}
    data = struct.pack("<BhQ", a, b, c) + d.to_bytes(3, "little")
    assert unpack("little, a:u8, b:i16, c:u64, d:u24", data) == {"a": a, "b": b, "c": c, "d": d}


@given(number=st.floats(width=32, allow_nan=False, allow_infinity=False), order=st.sampled_from(list(BYTES)))
def test_float_of_each_byte_order_rounds_to_the_number(number, order):
    data = struct.pack(">f", number)
    sent = bytes(data["ABCD".index(letter)] for letter in BYTES[order])
    assert struct.pack(">f", unpack(f"{order} f32", sent)) == data
    assert unpack(f"{order} f32[2]", sent * 2) == [unpack(f"{order} f32", sent)] * 2


@pytest.mark.parametrize("order", BYTES)
def test_integer_of_each_byte_order_is_the_same(order):
    sent = bytes(0x01020304.to_bytes(4, "big")["ABCD".index(letter)] for letter in BYTES[order])
    assert unpack(f"{order} a:u32 b:i32[1]", sent * 2) == {"a": 0x01020304, "b": [0x01020304]}


def test_order_may_change_between_fields_and_holds_from_there_on():
    assert unpack("a:u16 little b:u16 c:u16 big d:u16", bytes(range(8))) == {"a": 1, "b": 0x302, "c": 0x504, "d": 0x607}


@pytest.mark.parametrize("sent", [b"\x7f\xc0\x00\x00", b"\x7f\x80\x00\x00"])
def test_nan_and_infinity_are_null(sent):
    assert unpack("f32", sent) is None


def test_single_field_without_a_name_is_the_result():
    assert unpack("u16[]", b"\0\1\0\2") == [1, 2]
    assert unpack("u16[]", b"") == []
    assert unpack("bytes[2]", b"\0\1") == [0, 1]


def test_text_ends_at_the_first_nul_and_rest_is_read_to_the_end():
    assert unpack("name:text[6] _:u8 more:text[]", b"press\0\xffG\xc3\xb6") == {"name": "press", "more": "Gö"}
    assert unpack("byte_swap name:text[4] n:u8", b"BA\0C\7") == {"name": "ABC", "n": 7}
    assert unpack("little text[2]", b"AB") == "AB"


def test_boolean_and_decimal_digits():
    assert unpack("on:bool off:bool energy:bcd[3] little e:bcd[2]", b"\2\0\x00\x12\x34\x78\x56") == {
        "on": True, "off": False, "energy": 1234, "e": 5678,
    }  # fmt: skip


def test_ellipsis_passes_over_what_follows():
    assert unpack("a:u8 ...", b"\1\2\3") == {"a": 1}
    assert unpack("a:u8 ...", b"\1") == {"a": 1}


@pytest.mark.parametrize(
    ("layout", "data", "reason"),
    [
        ("a:u16 b:u32", b"\0\1\2", "needs 6 bytes, found 3: the field 'b' is at byte 2"),
        ("a:u16", b"\0\1\2", "ends after 2 bytes, found 3; end it with ..."),
        ("a:u8 b:u16[]", b"\0\1\2\3", "3 bytes remain for 'b', whose elements have 2 bytes each"),
        ("bcd[1]", b"\x1a", "0x1a, which has digits over 9"),
        ("text[2]", b"a\xff", "not UTF-8: found 0xff at its byte 1"),
    ],
)
def test_data_of_another_form_is_rejected_with_its_place(layout, data, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        unpack(layout, data)
