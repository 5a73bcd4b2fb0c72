"""Any layout text and any bytes result in values, or in an error with a reason."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.payloads.layout.fixed_layout import compile_layout
from bridge.payloads.layout.parser import LayoutError
from bridge.payloads.layout.tlv_items import compile_items
from tests.fuzz.mutation import nearly

FIELD = st.sampled_from(
    ["a:u8", "b:i16", "c:u24", "d:f32", "e:f64[2]", "f:text[3]", "g:bcd[2]", "_:u8", "h:bytes[]", "i:u16[]", "..."]
)
ORDER = st.sampled_from(["big", "little", "word_swap", "byte_swap"])
WORDS = st.lists(FIELD | ORDER | st.text(max_size=8), max_size=8).map(" ".join)
CASES = st.lists(st.sampled_from(["1 -> a:u8", "* -> ...", "0x02 -> b:u16 c:f32", "3 -> d:text[]", "x", "->"])).map(
    ";".join
)
ITEMS = nearly(bytes.fromhex("0101640201010367"), bytes.fromhex("ff" * 8))


@pytest.mark.parametrize("compile_text", [compile_layout, compile_items])
@given(text=st.text(max_size=60) | WORDS, data=st.binary(max_size=40))
def test_layout_reads_a_json_value_or_reports_an_error(compile_text, text, data):
    try:
        value = compile_text.__wrapped__(text)(data)
    except ValueError as error:
        assert 0 < len(str(error)) < 400  # noqa: PT017 - either is right
    else:
        orjson.dumps(value)


@given(head=st.sampled_from(["t:u8", "t:u8 length:u8", "length:u8 t:u8", "length:u32 t:u8"]), cases=CASES, data=ITEMS)
def test_items_are_read_or_report_an_error(head, cases, data):
    try:
        unpack = compile_items.__wrapped__(f"{head};{cases}")
    except LayoutError as error:
        assert str(error)  # noqa: PT017 - either is right
        return
    try:
        orjson.dumps(unpack(data))
    except ValueError as error:
        assert "item" in str(error)  # noqa: PT017 - either is right
