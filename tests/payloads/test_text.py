import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import DecodeError
from bridge.payloads.text import TextDecoder


@given(st.text())
def test_text_is_stored_to_the_last_character(text):
    assert TextDecoder().decode(text.encode()) == text


def test_an_empty_payload_is_the_empty_text():
    assert TextDecoder().decode(b"") == ""


def test_the_first_byte_that_is_not_utf8_is_named():
    with pytest.raises(DecodeError, match="not UTF-8: invalid start byte, at byte 2: found 0xff"):
        TextDecoder().decode(b"ab\xff\xff")
