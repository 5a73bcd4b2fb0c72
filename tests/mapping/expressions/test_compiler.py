"""The compiled closures against the `jmespath` package's interpreter, on generated expressions and documents."""

import json
import math
from concurrent.futures import ThreadPoolExecutor

import jmespath
import pytest
from hypothesis import HealthCheck, example, given, settings
from jmespath.exceptions import JMESPathError

from bridge.errors import TransformError
from bridge.mapping.expressions import analysis
from bridge.mapping.expressions.compiler import Compiler
from bridge.mapping.expressions.expression import ExpressionError, compile_expression
from bridge.mapping.expressions.syntax.parser import Parser
from tests.mapping.expressions.generated import DOCUMENTS, EXPRESSIONS, EXTENDED, SCOPES
from tests.mapping.expressions.reference import interpret

FAILURES = (JMESPathError, TypeError, ValueError, ArithmeticError)


def interpreted(text, document):
    try:
        return written(jmespath.search(text, document))
    except FAILURES:
        return "failed"


def compiled(text, document):
    try:
        return written(compile_expression(text).search(document))
    except TransformError:
        return "failed"


def written(value):
    """JSON text: it distinguishes 1, 1.0 and true, and keeps the order of an object's members."""
    return "JSON " + json.dumps(value)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=EXPRESSIONS, document=SCOPES | DOCUMENTS)
@example("a == b", {"a": 1, "b": 1})
@example("reverse(a)", {"a": [1, 2]})
@example("sort(a)", {"a": [2, 1]})
def test_compiled_expression_equals_the_interpreter(text, document):
    """One test for all three, because generating an expression takes most of the time."""
    before = written(document)
    expected = interpreted(text, document)
    assert compiled(text, document) == expected
    assert written(document) == before
    names = compile_expression(text).names
    if names is not None and isinstance(document, dict):
        assert compiled(text, {name: value for name, value in document.items() if name in names}) == expected


def referenced(text, scope):
    try:
        return written(interpret(text, scope))
    except (*FAILURES, LookupError):
        return "failed"


@settings(max_examples=350, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=EXTENDED, scope=SCOPES)
@example("let $x = a in b[].[$x, $a.c]", {"a": {"c": 1}, "b": [1, 2]})
@example("[let $x = a in sort($x)[0], let $x = b in sort($x)[0]]", {"a": [2, 1], "b": [4, 3]})
def test_compiled_extended_expression_equals_the_reference(text, scope):
    before = written(scope)
    expected = referenced(text, scope)
    try:
        expression = compile_expression(text)
    except ExpressionError:
        # A constant operand or argument of the wrong type is found early, where it is not reached either.
        return
    # A variable that is not there is an error where it is read, or before a loop that reads it.
    if not expression.variables <= scope.keys():
        return
    assert compiled(text, scope) == expected
    assert written(scope) == before
    if expression.names is not None:
        assert compiled(text, {name: value for name, value in scope.items() if name in expression.names}) == expected


@pytest.mark.parametrize("other", [[], [["k", 1]], ["kv"], "", "x", None, 5, {"b": 1}, [1], [{}]])
def test_merge_checks_only_its_first_argument_as_the_package_does(other):
    assert compiled("merge(@, a)", {"a": other}) == interpreted("merge(@, a)", {"a": other})


@pytest.mark.parametrize(
    ("text", "document", "result"),
    [
        ("a == b", {"a": 1, "b": True}, False),
        ("a == b", {"a": 0, "b": False}, False),
        ("a == b", {"a": 1, "b": 1.0}, True),
        ("a == b", {"a": [1], "b": [True]}, True),
        ("a == 'x'", {"a": "x"}, True),
        ("a != 'x'", {"a": None}, True),
        ("a < b", {"a": "a", "b": "b"}, True),
        ("a < b", {"a": True, "b": 2}, None),
        ("!a", {"a": 0}, False),
        ("!a", {"a": []}, True),
        ("sort_by(@, &k)[].n", [{"k": 1, "n": "x"}, {"k": 0, "n": "y"}, {"k": 1, "n": "z"}], ["y", "x", "z"]),
        ("a[99999999999999999999]", {"a": [1]}, None),
        ("{a: a, a: b}", {"a": 1, "b": 2}, {"a": 2}),
    ],
)
def test_follows_the_package_in_its_own_rules(text, document, result):
    assert written(compile_expression(text).search(document)) == written(result)
    assert written(jmespath.search(text, document)) == written(result)


def test_keeps_the_order_of_a_hash_as_written():
    text = "{z: length(p.l), y: p.y, x: 'c', w: p.w}"
    assert list(compile_expression(text).search({"p": {"l": [], "y": 1, "w": 2}})) == ["z", "y", "x", "w"]


def test_ordering_of_text_and_number_is_an_error_that_names_both():
    with pytest.raises(TransformError, match="> cannot order string 'hot' and number 5"):
        compile_expression("t > `5`").search({"t": "hot"})


class Counted(dict):
    reads = 0

    def get(self, name, default=None):
        self.reads += 1
        return super().get(name, default)


def test_repeated_part_is_evaluated_once():
    document = Counted(list=[{"k": 2}, {"k": 1}])
    text = "{a: sort_by(list, &k)[0].k, b: sort_by(list, &k)[1].k}"
    assert compile_expression(text).search(document) == {"a": 1, "b": 2}
    assert document.reads == 1


def test_repeated_part_is_evaluated_again_for_each_message():
    search = compile_expression("[sort(l)[0], sort(l)[1], sort(l)[-1]]").search
    document = {"l": [2, 1]}
    assert search(document) == [1, 2, 2]
    document["l"] = [4, 3]
    assert search(document) == [3, 4, 4]


def test_repeated_part_is_another_one_for_each_element():
    repeated = "sort_by(l, &@)"
    each = f"{{a: {repeated}, b: {repeated}}}"
    document = {"l": [2, 1], "items": [{"l": [9, 8]}, {"l": [7, 6]}]}
    result = compile_expression(f"{{a: {repeated}, b: items[*].{each}, c: {repeated}}}").search(document)
    assert result == {"a": [1, 2], "b": [{"a": [8, 9], "b": [8, 9]}, {"a": [6, 7], "b": [6, 7]}], "c": [1, 2]}


def test_repeated_part_that_fails_leaves_nothing_behind():
    search = compile_expression("{a: map(&abs(@), l), b: map(&abs(@), l)}").search
    with pytest.raises(TransformError):
        search({"l": ["x"]})
    assert search({"l": [-1]}) == {"a": [1], "b": [1]}


def test_threads_do_not_share_results():
    search = compile_expression("[sort(l)[0], sort(l)[1], sort(l)[-1]]").search
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda n: search({"l": [n + 1, n]}), range(2000)))
    assert results == [[n, n + 1, n + 1] for n in range(2000)]


def test_constant_part_is_evaluated_when_compiled():
    assert not analysis.constant(Parser("join('-', [`\"a\"`]) == 'x' || sort(`[3, 1]`)").parse())
    assert analysis.constant(Parser("sort(`[3, 1]`)[0] * 2 + 1").parse())
    assert not analysis.constant(Parser("range(3)").parse())
    assert not analysis.constant(Parser("map(&$index, [`1`])").parse())
    search = Compiler({}).root(Parser("sort(`[3, 1]`)").parse())
    assert search({}) is search(None)


def test_constant_part_that_fails_fails_only_where_it_is_reached():
    search = compile_expression("a && abs('x')").search
    assert search({"a": False}) is False
    with pytest.raises(TransformError, match=r"abs\(\): argument 1 \(number\) must be a number, found string 'x'"):
        search({"a": True})


def test_deeply_nested_document_cannot_crash_a_comparison():
    deep = []
    for _ in range(5000):
        deep = [deep]
    other = []
    for _ in range(5000):
        other = [other]
    for text in ("a == b", "to_string(a)", "contains(a, b)"):
        with pytest.raises(TransformError, match="deep"):
            compile_expression(text).search({"a": deep, "b": other})


def test_result_that_multiplies_its_input_is_bounded():
    with pytest.raises(ExpressionError, match="4096 times larger"):
        compile_expression(" | ".join(["[@, @]"] * 13))
    text = " | ".join(["[@, @]"] * 12)
    with pytest.raises(TransformError, match="more than 2000000 elements"):
        compile_expression(text).search({"l": list(range(5000))})
    assert len(compile_expression(text).search({})) == 2


def test_long_literal_counts_for_the_result_size():
    text = f"l[*].{{a: '{'x' * 60_000}'}}"
    with pytest.raises(TransformError, match="more than 2000000 elements or 67108864 characters"):
        compile_expression(text).search({"l": [1] * 2000})
    assert len(compile_expression(text).search({"l": [1] * 10})) == 10


def test_flattened_array_is_bounded():
    with pytest.raises(TransformError, match="more than 2000000 elements"):
        compile_expression(" | ".join(["[@, @][]"] * 9)).search(list(range(5000)))


def test_infinite_numbers_fail_where_a_complete_one_is_requested():
    with pytest.raises(TransformError, match=r"ceil\(\): the numbers are too large"):
        compile_expression("ceil(a)").search({"a": math.inf})


@pytest.mark.parametrize(
    "stages",
    [
        ["t{n}", "t{n}"],
        ["t{n}", "t{n}", "t{n}"],
        ["(t{n} - 32) * 5 / 9", "round(t{n} * 2, 1)", "t{n} > 0"],
        ["t{n} && t{n} * 2", "t{n} || 0", "not_null(t{n}, 0)"],
        ["{{v: t{n}, u: 'C'}}", "{{w: t{n}.v, u: t{n}.u}}", "t{n}.w"],
        ["upper(t{n})", "replace(t{n}, ',', '.')", "trim(t{n})"],
    ],
)
def test_object_of_different_fields_makes_nothing_larger(stages):
    def made(count):
        return ["{" + ", ".join(f"t{n}: {stage.format(n=n)}" for n in range(count)) + "}" for stage in stages]

    compile_expression("payload." + " | ".join(made(200)))
    compile_expression("payload.items[]." + " | [].".join(made(65)[:2]))


@pytest.mark.parametrize(
    "text",
    [
        " | ".join(["[@, @]"] * 13),
        " | ".join(["{a: @, b: @}"] * 13),
        " | ".join(["{a: a, b: a}"] * 13),
        " | ".join(["[a[0], a[1]].{a: @}"] * 13),
        "payload[].{" + ", ".join(f"{'n' * 500}{n}: a{n}" for n in range(100)) + "}[].[" + ", ".join("@" * 10) + "]",
    ],
)
def test_object_that_repeats_a_field_makes_its_input_larger(text):
    with pytest.raises(ExpressionError, match="4096 times larger"):
        compile_expression(text)
