import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bridge.yaml_files.parser import parse
from bridge.yaml_files.tab_loader import TabLoader


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\t\nb: 2\n", {"a": 1, "b": 2}),
        ("a:\t1\nb: \t2\n", {"a": 1, "b": 2}),
        ("a: 1\t# comment\nb: 2\n", {"a": 1, "b": 2}),
        ("a: 1\n\t\nb: 2\n", {"a": 1, "b": 2}),
        ("a: 1\n\t# comment\nb: 2\n \t \n", {"a": 1, "b": 2}),
        ("a: [\n\t1,\n\t2\t]\nb: {\tc:\t3 }\n", {"a": [1, 2], "b": {"c": 3}}),
        ('a: x\ty\nb: "x\ty"\n', {"a": "x\ty", "b": "x\ty"}),
        ("a: x\t\n  y\n", {"a": "x y"}),
        ("a: |\n  x\n  \ty\n", {"a": "x\n\ty\n"}),
        ("- 1\t\n-\t\n  a: 2\n", [1, {"a": 2}]),
    ],
)
def test_tab_that_yaml_allows_is_read(text, value):
    root, problems = parse(text, "m.yaml")
    assert problems == []
    assert root.data == value


@pytest.mark.parametrize("text", ["a:\n\t- 1\n", "a:\n  b: 1\n\tc: 2\n", "\ta: 1\n", "-\ta: 1\n  b: 2\n"])
def test_tab_in_the_indentation_is_refused(text):
    _, [problem] = parse(text, "m.yaml")
    assert "a tab" in problem.message


BLANKS = st.text(" \t", min_size=1, max_size=3)


def load(text):
    return yaml.load(text, Loader=TabLoader)


@given(blanks=st.lists(BLANKS, min_size=9, max_size=9))
def test_blanks_between_tokens_may_be_spaces_or_tabs(blanks):
    pieces = ("a:", "1", "# x\nb:", "[", "2", ",", "3", "]", "# y\n", "\nc: x\n")
    text = "".join(piece + blank for piece, blank in zip(pieces, [*blanks, ""], strict=True))
    assert load(text) == {"a": 1, "b": [2, 3], "c": "x"}


@given(blanks=BLANKS)
def test_blanks_within_a_text_stay(blanks):
    assert load(f"a: x{blanks}y\n") == {"a": f"x{blanks}y"}
    assert load(f"a: x{blanks}# y\n") == {"a": "x"}


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\x85", "\u2028"])
def test_line_of_tabs_is_an_empty_line(line_break):
    assert load(f"a: 1{line_break}\t\t{line_break}b: 2{line_break}\t") == {"a": 1, "b": 2}


@pytest.mark.parametrize("text", ["", "\t", "\t\t# x", "\ufeff\t# x"])
def test_text_of_blanks_alone_is_empty(text):
    assert load(text) is None


def test_byte_order_mark_is_skipped_only_at_the_beginning():
    assert load("\ufeffa: 1") == {"a": 1}
    assert load("[\ufeff1]") == ["\ufeff1"]
