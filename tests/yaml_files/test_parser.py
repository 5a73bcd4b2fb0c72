import pathlib
import time

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge.errors import ConfigError
from bridge.yaml_files import parse_document
from bridge.yaml_files.parser import parse
from tests.yaml_files.read import parsed

PIECES = r"""- !a: !b!? !&x !*x!<<: !{!}![!]!,!'!"!#!\u!d800!${A}!${!$${!${file:x}!${B:-c}!1e999!012!true!~!@!`!: """
BREAKS = ["\n", "  ", " ", "|\n", ">-\n", "!t ", "%YAML 1.9\n", "---\n", "...\n", "\t", "\r", "\0", "\u2028", "\x85"]
YAML_PIECES = st.sampled_from([*PIECES.split("!"), *BREAKS])
NO_DEADLINE = settings(deadline=None)  # the machine may be busy


def only_config_errors(text):
    try:
        document = parse_document(text, "f", substitute=True, environ={"A": "1"}, base=pathlib.Path("/nowhere"))
    except ConfigError as refused:
        outcome = refused.problems
    else:
        outcome = document.file
    assert outcome


@NO_DEADLINE
@given(st.binary(max_size=200))
@example(b"%YAML 1." + b"9" * 5000 + b"\n--- a")
def test_bytes_give_a_document_or_a_config_error(raw):
    only_config_errors(raw)


@NO_DEADLINE
@given(st.text(max_size=200))
def test_text_gives_a_document_or_a_config_error(text):
    only_config_errors(text)


@settings(max_examples=500, deadline=None)
@given(st.lists(YAML_PIECES, max_size=30).map("".join))
def test_text_like_yaml_gives_a_document_or_a_config_error(text):
    only_config_errors(text)


@pytest.mark.parametrize(
    "text",
    ["[" * 500_000, "{" * 500_000, "- " * 250_000, "a: " * 200_000, "'" * 500_000, "a: '" + "${A:-" * 20_000 + "'"],
)
def test_hostile_text_is_over_quickly(text):
    start = time.process_time()
    only_config_errors(text)
    assert time.process_time() - start < 10


def test_byte_order_mark_and_any_line_break_are_fine():
    assert parsed("\ufeffa: 1\r\nb: 2\rc: 3").data == {"a": 1, "b": 2, "c": 3}
    assert parsed(b"\xef\xbb\xbfa: 1").data == {"a": 1}


def test_json_is_yaml():
    assert parsed('{"a": [1, 2.5, true, null, "x\\n"], "b": {}}').data == {"a": [1, 2.5, True, None, "x\n"], "b": {}}


@NO_DEADLINE
@given(st.lists(YAML_PIECES | st.text(max_size=3), max_size=30).map("".join))
@example("|#")
@example("a: >2-#\n  text\n")
@example("a: |\n  text\u2028  more\nb: &x [1, 'two', \"\\ud83d\\ude00\"]\nc: *x\n")
def test_parsers_of_yaml_give_the_same_values_and_problems(text):
    with pytest.MonkeyPatch.context() as patch:
        both = [parse(text, "f")]
        patch.setattr(yaml, "__with_libyaml__", False)
        both.append(parse(text, "f"))
    (root, problems), (other, same_problems) = both
    assert problems == same_problems
    assert (root and root.data) == (other and other.data)


def test_bracket_that_closes_nothing_is_reported_at_its_place():
    _, [problem] = parse("a: [1]]\n", "m.yaml")
    assert (problem.line, problem.column) == (1, 7)
    assert problem.message == "']' closes nothing: no bracket is open here"
