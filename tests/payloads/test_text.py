import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import DecodeError
from bridge.payloads.text import TextDecoder, plain_utf8


@given(st.text())
def test_text_is_stored_to_the_last_character_but_nuls(text):
    assert TextDecoder().decode(text.encode()) == text.removeprefix("\ufeff").rstrip("\0")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_byte_order_mark_and_nuls_at_the_end_are_no_part_of_the_text(encoding):
    assert TextDecoder().decode("\ufeff ü \0\0".encode(encoding)) == " ü "


def test_damaged_utf16_is_rejected_as_such():
    with pytest.raises(DecodeError, match="not UTF-16: truncated data, at byte 4"):
        TextDecoder().decode(b"\xff\xfea\0b")


def test_empty_payload_is_the_empty_text():
    assert TextDecoder().decode(b"") == ""


def test_first_byte_that_is_not_utf8_is_named():
    with pytest.raises(DecodeError, match="not UTF-8: invalid start byte, at byte 2: found 0xff"):
        TextDecoder().decode(b"ab\xff\xff")


def test_payload_without_mark_and_nul_is_the_same_object():
    payload = b'{"a": 1}'
    assert plain_utf8(payload) is payload
    assert plain_utf8(b"\xef\xbb\xbf1\0") == b"1"
    assert plain_utf8("\ufeffü".encode("utf-16-be")) == "ü".encode()
