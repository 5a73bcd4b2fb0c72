import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.expressions.expression import compile_expression
from tests.mapping.expressions.functions.failing import failure


def search(text, **scope):
    return compile_expression(text).search(scope)


@given(word=st.integers(0, 2**64 - 1), start=st.integers(0, 63), length=st.integers(1, 64))
def test_bits_are_those_of_the_binary_number(word, start, length):
    if start + length > 64:
        assert "within 64 bits" in failure("bits(w, s, l)", w=word, s=start, l=length)
        return
    text = f"{word:064b}"
    assert search("bits(w, s, l)", w=word, s=start, l=length) == int(text[64 - start - length : 64 - start], 2)


def test_negative_word_is_twos_complement():
    assert search("bits(`-1`, `0`, `16`)") == 65535
    assert "whole number" in failure("bits(`1.5`, `0`, `1`)")


@given(number=st.integers(-(2**31), 2**31 - 1))
def test_signed_numbers_of_both_ends(number):
    big = list(number.to_bytes(4, "big", signed=True))
    assert search("bytes_to_int(b, 'big', 'signed')", b=big) == number
    assert search("bytes_to_int(b, 'little', 'signed')", b=big[::-1]) == number


@pytest.mark.parametrize(
    ("order", "values"),
    [("big", "ABCD"), ("little", "DCBA"), ("word_swap", "CDAB"), ("byte_swap", "BADC")],
)
def test_byte_orders_of_modbus(order, values):
    data = struct.pack(">f", 23.75)
    scope = {"b": [data["ABCD".index(dead_letter)] for dead_letter in values]}
    assert search(f"bytes_to_float(b, '{order}')", **scope) == 23.75
    assert search(f"bytes_to_int(b, '{order}')", **scope) == int.from_bytes(data, "big")


@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_and_halves(number):
    assert search("bytes_to_float(b)", b=list(struct.pack(">d", number))) == number
    assert search("bytes_to_float(`[60, 0]`)") == 1.0


@pytest.mark.parametrize("values", [[0x7F, 0xC0, 0, 0], [0x7F, 0x80, 0, 0], [0xFF, 0x80, 0, 0]])
def test_float_that_is_not_finite_is_null(values):
    assert search("bytes_to_float(b)", b=values) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("bytes_to_int(`[]`)", "1 to 8 bytes, found 0"),
        ("bytes_to_int(`[1,2,3,4,5,6,7,8,9]`)", "1 to 8 bytes, found 9"),
        ("bytes_to_int(`[256]`)", "whole numbers from 0 to 255"),
        ("bytes_to_int(`[1.5]`)", "whole numbers from 0 to 255"),
        ("bytes_to_int(`[1]`, 'middle')", "order must be"),
        ("bytes_to_int(`[1]`, 'big', 'both')", "sign must be"),
        ("bytes_to_int(`[1,2,3]`, 'word_swap')", "even number of bytes"),
        ("bytes_to_float(`[1,2,3]`)", "2, 4 or 8 bytes, found 3"),
        ("base64(`[-1]`)", "whole numbers from 0 to 255"),
        ('base64(`["a"]`)', "found string 'a' at [0]"),
    ],
)
def test_bytes_that_are_no_number_are_an_error(text, reason):
    assert reason in failure(text)


@given(data=st.binary(max_size=50), text=st.text(max_size=20))
def test_base64_of_bytes_and_text(data, text):
    assert base64.b64decode(search("base64(b)", b=list(data))) == data
    assert base64.b64decode(search("base64(t)", t=text)).decode() == text
