import gc
import time
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import TransformError
from bridge.mapping.expressions import expression
from bridge.mapping.expressions.expression import (
    ExpressionError,
    compile_expression,
    truthy,
)
from bridge.mapping.expressions.static_checks import MAX_DEPTH


def error_of(text, tables=None):
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text, tables or {})
    return caught.value


def problem_of(text):
    try:
        compile_expression(text)
    except ExpressionError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("payload.a.b", {"payload"}),
        ("{a: payload.x, b: captures.y, c: `1`}", {"payload", "captures"}),
        ("payload.list[?a == `1`].b | [0]", {"payload"}),
        ("sort_by(payload.l, &topic)", {"payload"}),
        ("@.topic", {"topic"}),
        ("if(a, b, c)", {"a", "b", "c"}),
        ("a || b && !c", {"a", "b", "c"}),
        ("'x'", set()),
        ("@", None),
        ("keys(@)", None),
        ("*", None),
        ("[0]", None),
        ("{a: @}", None),
    ],
)
def test_reports_the_names_it_can_read(text, names):
    assert compile_expression(text).names == (None if names is None else frozenset(names))


@pytest.mark.parametrize(
    ("text", "message", "offset"),
    [
        ("", "the expression is empty", 0),
        ("payload.", "the expression ends too early", 8),
        (
            "a.b.1",
            r"expected a name or \[ or { here, found '1'; write a name that begins with a digit in double quotes",
            4,
        ),
        ("a = b", "'=' is unexpected here; '==' tests for equality", 2),
        ("a == 'x", "unterminated string literal", 5),
        ('a == `"b"c`', "the literal in back quotes is not JSON", 5),
        ("a b", "'b' is unexpected here", 2),
        ("a | rund(b)", r"unknown function rund\(\); did you mean 'round'\?", 4),
        ("[abs(a), abs(a, b)]", r"abs\(\) takes 1 argument, found 2: abs\(number\)", 9),
        ("round(a, b, c)", r"round\(\) takes 1 to 2 arguments, found 3: round\(number\[, decimals\]\)", 0),
        ("not_null()", r"not_null\(\) takes at least 1 argument, found 0", 0),
        ("l[?abs(a, b)].max()", r"abs\(\) takes 1 argument", 3),
        ("sort_by(l, k)", r"argument 2 must be an expression, written with &", 0),
        ("abs(&a)", r"abs\(\): argument 1 \(number\) cannot be an & expression", 0),
        ("&a", "can only be an argument", 0),
        ("{a: &b}", "can only be an argument", 0),
        ("a[::0]", "step cannot be 0", 0),
        ("lookup('unit', a)", r"lookup\(\): there is no table 'unit'; did you mean 'units'\?", 0),
        ("regex_match(a, '(')", r"regex_match\(\): the pattern is not valid: missing \)", 0),
        ("format('{} {}', a)", r"format\(\): the template needs 2 values, found 1", 0),
        ("iso_time(a, 'Mars/Base')", r"iso_time\(\): 'Mars/Base' is no IANA time zone", 0),
        ("a | round(b, 'x')", r"round\(\): argument 2 \(decimals\) must be a number, found string 'x'", 4),
        ("a[" + "1" * 5000 + "]", "an index is a whole number", 2),
    ],
)
def test_broken_expression_reports_what_and_where(text, message, offset):
    error = error_of(text, {"units": {}})
    assert error.offset == offset
    with pytest.raises(ExpressionError, match=message):
        raise error


def test_caret_stands_under_the_place():
    assert error_of("a ==\n  bas(b)").caret() == "  bas(b)\n  ^"
    assert error_of("a ||").caret() == "a ||\n    ^"


def test_offset_of_an_unusually_written_call_is_its_name():
    assert error_of("a.b | (bas)(c)").offset == 7


@given(st.integers(1, 300), st.integers(1, 300))
def test_long_expression_is_refused(characters, limit):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(expression, "MAX_EXPRESSION_CHARS", limit)
        if characters <= limit:
            assert compile_expression("a" * characters).names
        else:
            assert error_of("a" * characters).message == f"the expression is longer than {limit} characters"


@given(st.integers(1, 250))
def test_expression_is_nested_up_to_150_levels(levels):
    text = "[" * (levels - 1) + "a" + "]" * (levels - 1)
    if levels <= MAX_DEPTH == 150:
        assert compile_expression(text).search({"a": 1})
    else:
        assert "nested deeper than 150 levels" in error_of(text).message


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "a" + ")" * 5000,
        "!" * 5000 + "a",
        "abs(" * 300 + "a" + ")" * 300,
        " || ".join("a" * 5000),
        "`" + "[" * 20000 + "]" * 20000 + "`",
        "a" + "[*]" * 5000,
        "[" * 3000,
    ],
)
def test_runaway_expression_is_refused_quickly(text):
    started = time.process_time()
    error_of(text)
    assert time.process_time() - started < 10


@pytest.mark.parametrize("text", ["a" + "[*].b" * 70, "{a: " * 70 + "b" + "}" * 70, " || ".join("ab" * 60)])
def test_deep_expression_is_evaluated_or_refused_but_never_crashes(text):
    assert compile_expression(text).search({"b": 1, "a": []}) is not None


def test_expression_that_exhausts_the_stack_is_an_error_of_the_message():
    search = compile_expression("{a: " * 70 + "b" + "}" * 70).search

    def deeper():
        search({"b": 1})
        deeper()

    with pytest.raises(TransformError, match="nested too deeply"):
        deeper()


def test_large_expression_compiles_quickly():
    started = time.process_time()
    text = "{" + ", ".join(f"k{n}: round(payload.f{n}, `1`)" for n in range(1500)) + "}"
    assert compile_expression(text).search({"payload": {f"f{n}": 1.26 for n in range(1500)}})["k7"] == 1.3
    assert time.process_time() - started < 10


@given(text=st.text(st.sampled_from("ab.,[]{}()*?&|!@:`'\"\\<>=-01 \n"), max_size=30) | st.text(max_size=20))
def test_text_compiles_or_is_an_expression_error(text):
    error = problem_of(text)
    assert error is None or 0 <= error.offset <= len(text)
    assert error is None or "^" in error.caret()


@pytest.mark.parametrize("value", [None, False, "", [], {}])
def test_truthy_is_false_for_empty_values(value):
    assert not truthy(value)


@pytest.mark.parametrize("value", [0, 0.0, True, " ", [None], {"a": None}, -1])
def test_truthy_is_true_for_other_values(value):
    assert truthy(value)


def test_expression_cache_holds_only_expressions_in_use():
    in_use, other = compile_expression("payload.in_use"), weakref.ref(compile_expression("payload.out_of_use"))
    gc.collect()
    assert compile_expression("payload.in_use") is in_use
    assert other() is None
