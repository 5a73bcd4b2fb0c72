import jmespath
import pytest
from hypothesis import HealthCheck, given, settings
from jmespath.exceptions import JMESPathError

from bridge.mapping.expressions import analysis
from bridge.mapping.expressions.syntax.parser import Parser
from tests.mapping.expressions.generated import EXPRESSIONS, SCOPES


def tree(text):
    return Parser(text).parse()


def kinds(nodes):
    return [node.get("value", node["type"]) for node in nodes]


def searched(text, scope):
    try:
        return jmespath.search(text, scope)
    except (JMESPathError, ArithmeticError, TypeError) as error:
        return type(error)


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(EXPRESSIONS, SCOPES)
def test_names_are_all_that_an_expression_reads_of_its_scope(text, scope):
    names = analysis.names(tree(text))
    if names is not None:
        assert searched(text, scope) == searched(text, {name: scope[name] for name in names if name in scope})


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(EXPRESSIONS, SCOPES)
def test_constant_expression_has_the_same_result_for_every_scope(text, scope):
    if analysis.constant(tree(text)):
        assert searched(text, scope) == searched(text, None) == searched(text, {"a": [1], "b": {"a": 2}})


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("'a'", True),
        ("length('a')", True),
        ("`[1]`[*].a", True),
        ("`[1]`[?@ == `1`]", True),
        ("a", False),
        ("@", False),
        ("[`1`]", False),
        ("`[1]`[*].[$payload]", False),
        ("`[1]`[*].range(@)", False),
        ("range(3)", False),
        ("map(&@, `[1]`)", True),
        ("map(&$payload, `[1]`)", False),
        ("let $a = `1` in $a", False),
    ],
)
def test_constant_is_false_for_scope_variables_and_counted_work(text, result):
    assert analysis.constant(tree(text)) is result


def test_walk_yields_the_nodes_in_the_order_of_the_text():
    nodes = analysis.walk(tree("a[?b == c].d || f(e, &g)[0:1] | h"))
    assert [node["value"] for node in nodes if node["type"] == "field"] == ["a", "b", "c", "d", "e", "g", "h"]


@pytest.mark.parametrize(("text", "levels"), [("a", 1), ("a.b", 2), ("[a, [b]]", 3), ("a[0:1]", 3), ("!!!a", 4)])
def test_depth_counts_the_levels(text, levels):
    assert analysis.depth(tree(text)) == levels


@pytest.mark.parametrize(
    ("text", "members", "inner", "anywhere"),
    [
        ("a.b.c", {("a", "b")}, set(), {("a", "b")}),
        ("a[].b.c", set(), set(), {("b", "c")}),
        ("a[].{x: b.c}", set(), {"b"}, {("b", "c")}),
        ("a[?b > c].d", set(), {"b", "c"}, set()),
        ("a | b.c", set(), set(), {("b", "c")}),
        ("{x: a.b, y: c[*].[d, e.f]}", {("a", "b")}, {"d", "e"}, {("a", "b"), ("e", "f")}),
        ("sort_by(a, &b.c)[0]", set(), set(), {("b", "c")}),
        ("map(&[b, c.d], a)", set(), {"b", "c"}, {("c", "d")}),
        ("$a.b", set(), set(), set()),
    ],
)
def test_members_are_of_the_scope_and_inner_names_are_not(text, members, inner, anywhere):
    assert set(analysis.members(tree(text))) == members
    assert analysis.inner_names(tree(text)) == inner
    assert set(analysis.members_anywhere(tree(text))) == anywhere


@pytest.mark.parametrize(
    ("text", "predefined", "members", "free"),
    [
        ("$a.b", {"a"}, {("a", "b")}, ["a"]),
        ("let $a = $b.c in $a.d", {"b"}, {("b", "c")}, ["b"]),
        ("let $a = $a in [$a, $b]", {"a", "b"}, set(), ["a", "b"]),
        ("map(&[$index, $x], $index)", {"x", "index"}, set(), ["x", "index"]),
    ],
)
def test_variables_are_predefined_unless_they_are_bound(text, predefined, members, free):
    assert analysis.predefined_variables(tree(text)) == predefined
    assert set(analysis.variable_members(tree(text))) == members
    assert kinds(analysis.free_variables(tree(text))) == free


def test_free_variables_of_a_part_include_those_bound_outside_it():
    body = tree("let $a = b in [$a, $c]")["children"][-1]
    assert kinds(analysis.free_variables(body)) == ["a", "c"]
    assert analysis.predefined_variables(body) == {"c"}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("items(a)[].b", 1),
        ("a | zip(b, c)[].[d] | e", 1),
        ("items(a)[]", 0),
        ("items(a)[*].b", 0),
        ("keys(a)[].b", 0),
        ("items(a)[0][].b", 0),
    ],
)
def test_flattened_pairs_are_calls_followed_by_a_step(text, count):
    assert len(list(analysis.flattened_pairs(tree(text)))) == count


def test_identity_distinguishes_numbers_from_booleans():
    assert analysis.identity(tree("`1`")) != analysis.identity(tree("`true`"))
    assert analysis.identity(tree("`1`")) != analysis.identity(tree("`1.0`"))
    assert analysis.identity(tree("f(a, b)")) == analysis.identity(tree("f( a,b )"))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("[a[*].b, a[*].b]", 1),
        ("[a[*].b, a[*].c]", 0),
        ("[a[*].b, d[].{x: a[*].b}]", 0),
        ("[a.b, a.b]", 0),
        ("[length('a'), length('a')]", 0),
        ("[sort(keys(a)), sort(keys(a))]", 0),
        ("[sort(keys(a)), sort(keys(a)), sort(keys(a))]", 1),
        ("{x: a[*].b, y: c ? a[*].b : a[*].b}", 1),
    ],
)
def test_repeated_nodes_are_costly_and_in_the_same_context(text, count):
    assert len(analysis.repeated(tree(text))) == count
