import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.rendering import cut, printable, record_line, rejection_line, shown_data, shown_key, written
from bridge.model import NewRecord, Rejection
from tests.mapping.builders import mapping

PLAIN = mapping()


@given(st.text())
def test_printable_text_has_no_control_characters(text):
    found = printable(text)
    assert found.isprintable()
    assert printable(found) == found
    assert found == text or not text.isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\x1b[0m", "a\\x1b[0m"), ("a\nb", "a\\nb"), ("\N{RIGHT-TO-LEFT OVERRIDE}", "\\u202e"), ("\udc80", "\\udc80")],
)
def test_printable_text_shows_each_escape(text, shown):
    assert printable(text) == shown


@pytest.mark.parametrize(("length", "shown"), [(0, ""), (5, "xxxxx"), (6, "xxxxx... (6 characters)")])
def test_cut_text_names_its_full_length(length, shown):
    assert cut("x" * length, 5) == shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, None, 2.5]}, '{"a":[1,null,2.5]}'),
        ("é\N{RIGHT-TO-LEFT OVERRIDE}", '"é\\u202e"'),
        (2**64, "18446744073709551616"),
        ("\ud800", "'\\ud800'"),
    ],
)
def test_written_value_is_json_if_json_can_contain_it(value, text):
    assert written(value) == text


def test_record_line_names_stream_key_and_size():
    line = record_line(PLAIN, NewRecord(0, "press\t07", b'{"t":\x1b\xff}'))
    assert line == "s, key 'press\\t07', 8 bytes: {\"t\":\\x1b\\xff}"
    assert record_line(PLAIN, NewRecord(0, None, b"1")) == "s, spread over all shards, 1 byte: 1"
    assert record_line(PLAIN, NewRecord(0, "k", b"x" * 50), 10).endswith(": xxxxxxxxxx... (50 characters)")


def test_rejection_line_names_the_streams_and_the_item():
    made = mapping(outputs=[{"data_stream": "a"}, {"data_stream": "b"}])
    line = rejection_line(made, Rejection((0, 1), 2, "transform", "bad\x07"))
    assert line == "transform: bad\\x07 (nothing for a, b, item 2)"
    assert rejection_line(made, Rejection((1,), None, "decode", "x")) == "decode: x (nothing for b)"
    assert rejection_line(made, Rejection((1,), 0, "decode", "x")) == "decode: x (nothing for b, item 0)"


def test_shown_key_of_a_record_without_a_key_is_spread():
    assert (shown_key(NewRecord(0, None, b"")), shown_key(NewRecord(0, "", b""))) == ("spread", "")


@pytest.mark.parametrize(
    ("options", "data", "shown"),
    [
        ({"transform": "payload"}, b'{"a":1}', {"a": 1}),
        ({"payload": "text", "transform": "payload"}, b'"a"', "a"),
        ({}, b"[1]", [1]),
        ({"payload": "text"}, b"[1]", "[1]"),
        ({"payload": "bytes"}, b"[1]", "[1]"),
        ({"payload": "number"}, b"1.5", 1.5),
    ],
)
def test_shown_data_is_what_a_test_would_contain(options, data, shown):
    assert shown_data(mapping(**options), data) == {"data": shown}


@pytest.mark.parametrize("options", [{}, {"transform": "payload"}, {"payload": "bytes"}])
def test_shown_data_that_cannot_be_decoded_is_base64(options):
    data = b"\xff\xfe\x00"
    assert shown_data(mapping(**options), data) == {"data_base64": base64.b64encode(data).decode()}
