import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import TransformError
from bridge.mapping.expressions.expression import ExpressionError, compile_expression
from bridge.mapping.expressions.functions import regex


def search(text, **scope):
    return compile_expression(text).search(scope)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("regex_match('line3/press07', 'press\\d+')", True),
        ("regex_match('line3/press07', '^press')", False),
        ("regex_extract('line3/press07', 'press(\\d+)')", "07"),
        ("regex_extract('line3/press07', 'press\\d+')", "press07"),
        ("regex_extract('line3/press07', '(\\w+)/(\\w+)', `2`)", "press07"),
        ("regex_extract('line3/press07', '(\\w+)/(?P<machine>\\w+)', 'machine')", "press07"),
        ("regex_extract('line3/press07', '(\\w+)/', `0`)", "line3/"),
        ("regex_extract('größe=5 mm', '=(\\d)')", "5"),
        ("regex_extract('abc', '(x)?b')", None),
        ("regex_extract('abc', 'z')", None),
    ],
)
def test_patterns(text, result):
    assert search(text) == result


@pytest.mark.parametrize("call", ["regex_match(t, p)", "regex_extract(t, p)", "regex_extract(t, p, `0`)"])
def test_pattern_may_come_from_the_message(call):
    assert search(call, t="press07", p="press07") in (True, "press07")
    with pytest.raises(TransformError, match="the pattern is not valid"):
        search(call, t="press07", p="(")


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("regex_match(t, '(?=x)')", "not valid"),
        ("regex_match(t, '(a)\\1')", "not valid"),
        ("regex_extract(t, 'a', `1`)", "no group 1"),
        ("regex_extract(t, '(?P<n>a)', 'm')", "no group 'm'"),
        (f"regex_match(t, '{'a' * 5000}')", "longer than 4096"),
        ("regex_match(t, '((a{100}){100}){100}')", "not valid"),
    ],
)
def test_wrong_pattern_is_an_error_of_the_mapping(call, reason):
    with pytest.raises(ExpressionError, match=reason):
        compile_expression(call)


def test_regex_evaluation_takes_no_exponential_time():
    started = time.process_time()
    assert search("regex_match(t, '^(a+)+$')", t="a" * 50_000 + "b") is False
    assert time.process_time() - started < 5


@pytest.mark.parametrize("call", ["regex_match('x', @)", "regex_extract('x', @)"])
def test_patterns_of_one_message_are_bounded(call):
    match = compile_expression(f"p[*].[{call}]").search
    patterns = [f"x|{number}" for number in range(1_001)]
    assert len(match({"p": patterns[:10] * 1_000})) == 10_000  # each is compiled once
    assert len(match({"p": patterns[:1_000]})) == 1_000
    with pytest.raises(TransformError, match="for this message"):
        match({"p": patterns})
    assert len(match({"p": patterns[:1_000]})) == 1_000  # the work of a message ends with it


def test_pattern_of_a_message_has_less_memory_than_one_of_the_mapping():
    pattern = r"\pL{1,50}"
    assert search(f"regex_match('größe', '{pattern}')") is True
    with pytest.raises(TransformError, match="the pattern is not valid"):
        search("regex_match('größe', p)", p=pattern)


@given(st.integers(1, 60), st.integers(1, 60))
def test_pattern_has_characters_up_to_the_limit(characters, limit):
    pattern = "a" * characters
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(regex, "MAX_PATTERN_CHARS", limit)
        if characters <= limit:
            assert search(f"regex_match(t, '{pattern}')", t=pattern)
            assert search("regex_match(t, t)", t=pattern)
        else:
            with pytest.raises(ExpressionError, match=f"longer than {limit} characters"):
                compile_expression(f"regex_match(t, '{pattern}')")
            with pytest.raises(TransformError, match=f"longer than {limit} characters"):
                search("regex_match(t, t)", t=pattern)
