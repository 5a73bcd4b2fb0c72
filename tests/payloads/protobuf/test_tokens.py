import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.payloads.protobuf.tokens import Tokens
from bridge.payloads.schema_files import SchemaError

WORDS = st.sampled_from(["message", ".a.B_1", "{", "}", "=", "-", "12", "0x1F", "1.5e+3", "'a\\'b'", '"//"', ";"])
BLANKS = st.sampled_from([" ", "\n", "\t\r\n", "// x }\n", "/* \n\n * ; */", "/**/"])


def taken(text):
    tokens = Tokens(text)
    found = []
    while tokens.next.kind != "end":
        found.append(tokens.take())
    return found


@given(words=st.lists(WORDS), blanks=st.lists(BLANKS, min_size=15, max_size=15))
def test_tokens_have_their_text_and_position(words, blanks):
    text, expected = "", []
    for word, blank in zip(words, blanks, strict=False):
        text += blank
        before, line = text.rpartition("\n")[2], text.count("\n") + 1
        expected.append((word.strip("'\"") if word[0] in "'\"" else word, line, len(before) + 1))
        text += word + " "
    assert [each[1:] for each in taken(text)] == expected


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("a.b", ["name"]),
        ("12", ["number"]),
        ("-1", ["sign", "number"]),
        ("'='", ["text"]),
        ("a=1;", ["name", "sign", "number", "sign"]),
        ("", []),
        ("// the end", []),
    ],
)
def test_tokens_have_their_kind(text, kinds):
    assert [each.kind for each in taken(text)] == kinds


def test_tokens_end_as_often_as_they_are_taken():
    tokens = Tokens("a\n ")
    assert tokens.take().text == "a"
    assert tokens.take() == tokens.take() == ("end", "", 2, 2)


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("17", 17), ("017", 15), ("0x1F", 31), ("-3", -3), ("-0x80000000", -(2**31)), ("00", 0)],
)
def test_number_is_decimal_octal_or_hexadecimal(text, value):
    tokens = Tokens(f"{text};")
    assert tokens.number("a number") == value
    assert tokens.next.text == ";"


@pytest.mark.parametrize("text", ["08", "1.5", "x", "'1'", "-", "", "0x", "9" * 5000])
def test_number_of_another_form_is_reported(text):
    with pytest.raises(SchemaError, match=r"line 1, column .: expected a number"):
        Tokens(text).number("a number")


def test_sign_in_quotes_is_no_sign():
    tokens = Tokens("'=' =")
    assert not tokens.skip("=")
    with pytest.raises(SchemaError, match="line 1, column 1: expected '=', found '='"):
        tokens.expect("=")
    assert tokens.string("text") == "="
    assert tokens.skip("=")


def test_token_that_is_not_expected_is_not_taken():
    tokens = Tokens("\n  a")
    for take, expected in ((tokens.string, "a path"), (tokens.number, "a number")):
        with pytest.raises(SchemaError, match=f"line 2, column 3: expected {expected}, found 'a'"):
            take(expected)
    assert tokens.name("a name") == "a"
    with pytest.raises(SchemaError, match="expected a name, found the end"):
        tokens.name("a name")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a \x01", "line 1, column 3"),
        ("a\n/* b", "line 2, column 2"),
        ("'a\n'", "line 1, column 1"),
        ("/**/ #", "line 1, column 6"),
    ],
)
def test_character_that_begins_no_token_is_reported(text, place):
    with pytest.raises(SchemaError, match=re.escape(place)):
        Tokens(text)
