import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.expressions.syntax.lexer import LexerError, tokens

PIECES = st.sampled_from([*".*],:@(){}[?<=>!&|+-/%", "//", "[]", "[?", "||", "==", "a", "_b1", "$c", "0",
                          "-1.5e3", "'d'", '"e"', "`1`", " ", "\n", "\N{MINUS SIGN}", "é", "\\"])  # fmt: skip


def kinds(text):
    return [token.kind for token in tokens(text)[:-1]]


def values(text):
    return [token.value for token in tokens(text)[:-1]]


def failure(text):
    with pytest.raises(LexerError) as caught:
        tokens(text)
    return caught.value.offset, caught.value.message


def found_or_failed(text):
    """Return the tokens and None, or no tokens and the offset of the error."""
    try:
        return tokens(text), None
    except LexerError as error:
        return [], error.offset


@given(st.lists(PIECES, max_size=20))
def test_tokens_cover_all_but_the_blanks_or_fail_inside_the_text(pieces):
    text, position = "".join(pieces), 0
    found, offset = found_or_failed(text)
    for token in found:
        assert not text[position : token.start].strip(" \t\n\r")
        position = token.end
    assert position == len(text) if offset is None else 0 <= offset < len(text)


@pytest.mark.parametrize("text", ["", " \t\r\n"])
def test_tokens_of_blanks_are_only_the_end(text):
    assert tokens(text) == [("eof", "", len(text), len(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a||b|c", ["unquoted_identifier", "or", "unquoted_identifier", "pipe", "unquoted_identifier"]),
        ("[][?[]", ["flatten", "filter", "flatten"]),
        ("<=<!=!===", ["lte", "lt", "ne", "ne", "eq"]),
        ("a// /b", ["unquoted_identifier", "div", "divide", "unquoted_identifier"]),
        ("\N{MINUS SIGN}\N{MULTIPLICATION SIGN}\N{DIVISION SIGN}", ["minus", "multiply", "divide"]),
        ("&&&", ["and", "expref"]),
    ],
)
def test_tokens_of_signs_are_the_longest_that_fit(text, expected):
    assert kinds(text) == expected


@pytest.mark.parametrize("operand", ["a", '"a"', "$a", "5", "`1`", "'x'", "@", "a[]", "f(x)", "a[0]", "{a: b}"])
def test_tokens_after_an_operand_read_a_minus_as_subtraction(operand):
    assert kinds(f"{operand}-1")[-2:] == kinds(f"{operand} -1")[-2:] == ["minus", "number"]


@pytest.mark.parametrize("before", ["", "[", "(", ",", ":", "*", "+", "-", "==", "&", "!", "?", "."])
def test_tokens_after_an_operator_read_a_minus_as_a_sign(before):
    assert tokens(f"{before}-1.5e-3")[-2][:2] == ("number", "-1.5e-3")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"'it\'s'", "it's"),
        (r"'a\nb'", r"a\nb"),
        (r"'\\'", "\\\\"),
        ("''", ""),
        ("'a\nb'", "a\nb"),
        (r'"a\"b\u00e9"', 'a"bé'),
        ('""', ""),
        ("` [1, 2.5, null] `", [1, 2.5, None]),
        ('`"a\\`b"`', "a`b"),
        ("$name_1", "name_1"),
    ],
)
def test_tokens_of_quoted_texts_have_their_values(text, value):
    assert values(text) == [value]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_literal_in_back_quotes_has_the_value_of_the_json(value):
    assert values("`" + json.dumps(value).replace("`", "\\`") + "`") == [value]


@given(st.text(st.characters(blacklist_characters="\\'")))
def test_raw_text_has_all_its_characters(text):
    assert values(f"'{text}'") == [text]


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("a + é", 4, ""),
        ("a#b", 1, ""),
        ("a.$", 2, ""),
        ("a 'b", 2, "unterminated string literal"),
        ('a."b', 2, "unterminated string literal"),
        ("`1", 0, "unterminated string literal"),
        (r"'a\'", 0, "unterminated string literal"),
        ('a."\\x"', 2, "the name in double quotes is not valid: Invalid \\escape"),
        ('"a\nb"', 0, "the name in double quotes is not valid: Invalid control character at"),
        ('a == `{"b"}`', 5, 'the literal in back quotes is not JSON: `{"b"}`'),
        ("`" + '"' * 99 + "`", 0, "the literal in back quotes is not JSON: `" + '"' * 40 + "`"),
    ],
)
def test_text_without_a_valid_token_fails_at_its_position(text, offset, message):
    assert failure(text) == (offset, message)


def test_literal_without_double_quotes_is_text_and_deprecated():
    with pytest.warns(PendingDeprecationWarning, match="deprecated"):
        assert values("` foo`") == ["foo"]
