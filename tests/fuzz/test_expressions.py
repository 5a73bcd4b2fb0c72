"""Hostile expressions: each is an error, fails the message, or has a result of limited size."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import TransformError
from bridge.mapping.expressions.evaluation import MAX_STEPS, weight
from bridge.mapping.expressions.expression import ExpressionError, compile_expression
from tests.mapping.expressions.generated import EXTENDED

SCOPE = {
    "payload": [{"k": number, "v": [number] * 3, "t": "x" * 40, "o": {"a": {"b": number}}} for number in range(40)],
    "captures": {"site": "pdx" * 20},
    "topic": "t" * 200,
    "a": list(range(300)),
    "b": {"c": "text" * 100},
}
SEEDS = st.sampled_from(
    [
        "payload",
        "$payload",
        "$captures.site",
        "$topic",
        "@",
        "a",
        "$a",
        "range(1000)",
        "range(20000)",
        "b",
        "v",
        "7",
        "'x'",
    ]
)


def _multiplied(inner):
    return st.one_of(
        st.tuples(inner, inner).map("map(&{0[0]}, to_array({0[1]}))".format),
        st.tuples(inner, inner).map("to_array({0[0]})[].[{0[1]}, $payload]".format),
        st.tuples(inner, inner).map("to_array({0[0]})[?{0[1]}]".format),
        st.tuples(inner, inner).map("to_array({0[0]})[*].{{p: {0[1]}, q: $a, r: @}}".format),
        st.tuples(inner, inner).map("(let $x = {0[0]} in [$x, {0[1]}, $x, to_array($x)[].[$x]])".format),
        st.tuples(inner, inner).map("zip(to_array({0[0]}), to_array({0[1]}), to_array({0[0]}))".format),
        st.tuples(inner, inner).map("({0[0]} | [@, {0[1]}, @])".format),
        inner.map("flatten_object({{a: {{b: {0}, c: {{d: {0}}}}}}}, '.')".format),
        inner.map("items({{a: {0}, b: {0}}})".format),
        inner.map("range(length(to_array({0})) * 1000)".format),
        inner.map("to_string({0})".format),
        inner.map("join($topic, map(&to_string(@), to_array({0})))".format),
        inner.map("group_by(to_array({0}), &to_string(@))".format),
        inner.map("sort_by(to_array({0}), &length(to_array($payload)) + $index)".format),
        inner.map("(length(to_array({0})) * 9223372036854775807 * 9223372036854775807)".format),
        inner.map("{0}[][]".format),
    )


HOSTILE = st.recursive(SEEDS, _multiplied, max_leaves=12)


def evaluated(text, scope):
    """Return the result of the expression; None if the expression is an error or fails."""
    try:
        return compile_expression(text).search(scope)
    except ExpressionError as error:
        assert 0 <= error.offset <= len(text)  # noqa: PT017 - either is right
    except TransformError as error:
        assert 0 < len(error.detail) < 1000  # noqa: PT017 - as above
    return None


@given(text=HOSTILE)
def test_hostile_expression_has_a_bounded_result_or_none(text):
    before = json.dumps(SCOPE)
    result = evaluated(text, SCOPE)
    # Some results are not counted: up to 16 times the limit of one evaluation, and a copy of the scope.
    assert weight(result) <= 17 * MAX_STEPS
    assert json.dumps(SCOPE) == before


@given(text=EXTENDED, value=st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists, max_leaves=20))
def test_expression_makes_a_json_value_or_reports_an_error(text, value):
    result = evaluated(text, {"a": value, "b": [value, value], "c": {"d": value}})
    try:
        orjson.dumps(result)
    except TypeError as error:
        assert "64-bit range" in str(error)  # noqa: PT017 - the integers of a message may be larger


@pytest.mark.parametrize(
    "text",
    [
        " | ".join(["range(1000000)", *["[@, @]"] * 7]),
        " | ".join(["to_string(range(1000000))", *["[@, @]"] * 7]),
        "let $a = range(1000000) in let $b = [$a, $a, $a, $a] in let $c = [$b, $b, $b, $b] in [$c, $c, $c, $c, $c]",
        "flatten_object({a: payload}, '.') | [@, @] | [@, @] | [@, @] | [@, @] | [@, @] | [@, @] | [@, @]",
    ],
)
def test_large_value_that_is_repeated_is_refused(text):
    with pytest.raises(ExpressionError, match="more than 4096 times larger"):
        compile_expression(text)


@pytest.mark.parametrize(
    "text",
    [
        "range(200000) | [@, @, @, @, @, @, @, @, @, @, @]",
        "payload[].{p: $payload} | [@, @] | [@, @] | [@, @] | [@, @] | [@, @]",
    ],
)
def test_large_value_that_is_repeated_less_often_is_measured(text):
    payload = list(range(1200))
    with pytest.raises(TransformError, match=r"more than 2000000 (values|elements)"):
        compile_expression(text).search({"payload": payload})
