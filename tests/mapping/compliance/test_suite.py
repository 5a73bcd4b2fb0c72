"""The public compliance suite, through the compiled path and beside the `jmespath` package."""

import json
from pathlib import Path

import jmespath
import pytest
from jmespath.exceptions import JMESPathError

from bridge.errors import TransformError
from bridge.mapping.expressions.expression import ExpressionError, compile_expression

SUITE = Path(__file__).parent / "suite"
FILES = sorted(SUITE.glob("*.json"))
CASES = [
    pytest.param(group["given"], case, id=f"{file.stem}-{number}-{place}")
    for file in FILES
    for number, group in enumerate(json.loads(file.read_text("utf-8")))
    for place, case in enumerate(group["cases"])
]
EVALUATED = {"invalid-type", "invalid-value"}


def compiled(expression, given):
    return compile_expression(expression).search(given)


def interpreted(expression, given):
    return jmespath.search(expression, given)


def refused(expression, given):
    """A few benchmark cases are not valid JMESPath any more."""
    try:
        interpreted(expression, given)
    except JMESPathError:
        return True
    return False


def same(left, right):
    """Return whether two values and all their types are equal: True is not 1, and 1 is not 1.0."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def test_suite_is_complete():
    assert [file.stem for file in FILES] == [
        "basic", "benchmarks", "boolean", "current", "escape", "filters", "functions", "identifiers", "indices",
        "literal", "multiselect", "pipe", "slice", "syntax", "unicode", "wildcard",
    ]  # fmt: skip
    assert len(CASES) > 800


@pytest.mark.parametrize(("given", "case"), CASES)
def test_case_of_the_suite(given, case):
    if "error" in case:
        expected = (ExpressionError, TransformError) if case["error"] in EVALUATED else ExpressionError
        with pytest.raises(expected):
            compiled(case["expression"], given)
        return
    if "bench" in case and refused(case["expression"], given):
        with pytest.raises(ExpressionError):
            compiled(case["expression"], given)
        return
    result = compiled(case["expression"], given)
    assert same(result, interpreted(case["expression"], given))
    if "result" in case:
        assert same(result, case["result"])


@pytest.mark.parametrize(("given", "case"), [param for param in CASES if "error" in param.values[1]])
def test_package_refuses_the_same_case(given, case):
    with pytest.raises((JMESPathError, ValueError)):
        interpreted(case["expression"], given)
