import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import ConfigError
from bridge.yaml_files import parser
from tests.yaml_files.read import parsed


def problem(text):
    with pytest.raises(ConfigError) as caught:
        parsed(text)
    [found] = caught.value.problems
    return found.line, found.column, found.message


@pytest.mark.parametrize("text", ["a:\n\tb: 1\n", "a:\n  b: 1\n\tc: 2\n", "a: {\n\tb: }1\n"])
def test_tabs_are_explained(text):
    assert "a tab" in problem(text)[2]
    assert "spaces only" in problem(text)[2]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("where: 'a' == b", (1, 12), "put the complete text in quotes"),
        ("where: `1` == a", (1, 8), "put the complete text in quotes"),
        ("where: @", (1, 8), "put the complete text in quotes"),
        ("where: !a", (1, 8), "text that begins with '!' must be in quotes"),
        ("where: !a!b c", (1, 8), "text that begins with '!' must be in quotes"),
        ("note: see: this", (1, 10), "': ' inside a text that has no quotes"),
        ('path: "C:\\data"', (1, 11), "a backslash"),
        ("a: 'b", (1, 4), "unterminated string literal"),
        ('a: 1\nb: "c\nd: 2\ne: 3\n', (2, 4), "unterminated string literal"),
        ("a: [1, 2", (1, 4), "'[' is never closed"),
        ("a: 1\nb: [{c: d}\ne: f\ng: [1]\n", (2, 4), "'[' is never closed"),
        ("a: {b: ']}', c: 1\nd: 2\n", (1, 4), "'{' is never closed"),
        ("a: {b: c d: e}", (1, 11), "closing bracket"),
        ("a: [1,\n  2 3: 4, {x: y z: 1}]", (2, 18), "closing bracket"),
        ("-\ta: 1", (1, 2), "a tab; outside of texts, only spaces are accepted here"),
        ("a: {b: ${C}}", (1, 9), 'a reference must be in quotes: "${NAME}"'),
        ("a: - b", (1, 4), "a list item"),
        ("a: 1\n b: 2", (2, 3), "wrong indentation"),
        ("a:\n  b: 1\n c: 2", (3, 2), "indentation of the one before"),
        ("a: 1\nb\n", (3, 1), "expected ':' after a key"),
    ],
)
def test_common_mistake_is_explained(text, place, words):
    line, column, message = problem(text)
    assert words in message
    assert (line, column) == place


@pytest.mark.parametrize(
    "text",
    [
        "a: 'hunter2' b",
        "a: @hunter2",
        "a: !hunter2!x y",
        'a: "\\hunter2"',
        "a: [hunter2",
        "a: b: hunter2",
        "%hunter2 a",
    ],
)
def test_syntax_error_does_not_show_the_text(text):
    assert "hunter2" not in problem(text)[2]


def test_bytes_that_are_no_utf_8_are_shown_with_their_place():
    assert problem("ok: 1\n\u00e9: x".encode("latin-1")) == (2, 1, "not UTF-8: byte 0xe9; save the file as UTF-8")


def test_utf_16_is_recognised():
    assert problem("a: 1".encode("utf-16")) == (
        1,
        1,
        "not UTF-8 (it looks like UTF-16): byte 0xff; save the file as UTF-8",
    )


def test_characters_that_are_no_text_are_shown_with_their_place():
    assert problem("a: 1\nb: \0") == (2, 4, "the character U+0000 is not allowed in YAML")


def test_escape_beyond_unicode_is_a_problem():
    assert "out of range" in problem(r'a: "\UFFFFFFFF"')[2]


def test_file_beyond_a_mebibyte_is_refused():
    assert problem("#" * (1024 * 1024 + 1))[2].startswith("larger than 1,048,576 bytes")


def test_unclosed_text_behind_an_open_bracket_takes_linear_time():
    # In quadratic time, this takes minutes.
    text = "a: [b, c\nd: e\n" + 'x"' + '\\"' * 200_000
    assert problem(text)[2] == "'[' is never closed"


@given(st.integers(1, 60), st.integers(1, 60))
def test_file_up_to_the_limit_is_read(size, limit):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(parser, "MAX_DOCUMENT_BYTES", limit)
        text = "a" * size
        if size <= limit:
            assert parsed(text).data == text
        else:
            assert problem(text)[2].startswith(f"larger than {limit} bytes")
