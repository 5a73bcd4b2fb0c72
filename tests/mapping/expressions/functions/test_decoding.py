import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.expressions.expression import ExpressionError, compile_expression
from tests.mapping.expressions.functions.failing import failure


def search(text, **scope):
    return compile_expression(text).search(scope)


@given(data=st.binary(max_size=50))
def test_base64_and_hexadecimal_become_the_bytes(data):
    assert search("from_base64(t)", t=base64.b64encode(data).decode()) == list(data)
    assert search("from_base64(t)", t=base64.urlsafe_b64encode(data).decode().rstrip("=")) == list(data)
    for text in (data.hex(), data.hex(" ").upper(), data.hex(":"), f"0x{data.hex()}"):
        assert search("from_hex(t)", t=text) == list(data)


@given(value=st.recursive(st.none() | st.integers(-(2**63), 2**64 - 1) | st.text(), st.lists, max_leaves=5))
def test_json_text_becomes_its_value(value):
    assert search("from_json(t)", t=json.dumps(value)) == value


@given(text=st.text(alphabet=st.characters(codec="latin-1", exclude_characters="\0"), max_size=20))
def test_text_of_bytes_is_that_of_the_encoding(text):
    assert search("to_text(b, 'latin-1')", b=list(text.encode("latin-1"))) == text
    assert search("to_text(b)", b=list(text.encode())) == text
    assert search("to_text(b, 'utf-16')", b=list(text.encode("utf-16"))) == text


def test_text_of_bytes_ends_before_the_nuls():
    assert search("to_text(b)", b=[79, 75, 0, 0]) == "OK"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("from_json('{')", "not JSON"),
        ("from_json('')", "the payload is empty"),
        ("from_base64('a')", "not base64"),
        ("from_base64('a*bc')", "not base64"),
        ("from_hex('abc')", "3 digits, which is an odd number"),
        ("from_hex('zz')", "not hexadecimal"),
        ("to_text(`[255]`)", "not utf-8: invalid start byte, at byte 0: found 0xff"),
        ("to_text(`[256]`)", "whole numbers from 0 to 255"),
        ("to_text(`[65]`, 'idna')", "unknown encoding 'idna'"),
        ("unpack(`[1]`, 'u16')", "needs 2 bytes, found 1"),
        ("unpack(`[300]`, 'u8')", "whole numbers from 0 to 255"),
        ("unpack(`[1]`, 'x:int')", "did you mean i32?"),
        ("unpack_registers(`[65536]`, 'u16')", "whole numbers of 16 bits"),
        ("unpack_registers(`[1.5]`, 'u16')", "whole numbers of 16 bits"),
        ("unpack_tlv(`[1, 1]`, 't:u8; 2 -> a:u8')", "no layout for the item 0x01"),
    ],
)
def test_decoding_of_invalid_input_is_an_error(text, reason):
    assert reason in failure(text)


@given(words=st.lists(st.integers(0, 2**16 - 1), max_size=8))
def test_registers_are_read_as_words_of_16_bits(words):
    signed = [word - 2**16 if word >= 2**15 else word for word in words]
    assert search("unpack_registers(r, 'u16[]')", r=words) == words
    assert search("unpack_registers(r, 'u16[]')", r=signed) == words


def test_layout_that_is_a_literal_is_checked_when_the_mapping_is_loaded():
    with pytest.raises(ExpressionError, match="two fields have the name 'a'") as error:
        compile_expression("{r: unpack(payload, 'a:u8 a:u8')}")
    assert error.value.offset == 4


def test_layout_may_come_with_the_message():
    assert search("unpack(b, l)", b=[1, 2], l="u16") == 258
    assert "unknown type" in failure("unpack(b, l)", b=[1], l="x")
    assert search("unpack_tlv(b, l)", b=[2, 7], l="t:u8; 2 -> a:u8") == [{"t": 2, "a": 7}]
