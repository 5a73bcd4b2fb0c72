"""Paths of variables that a loop reads again: they are evaluated once for the loop."""

import pytest

from bridge.mapping.expressions.expression import compile_expression
from bridge.mapping.expressions.hoisting import OUTER, hoist
from bridge.mapping.expressions.syntax.parser import Parser
from tests.mapping.expressions.reference import interpret


class Counted(dict):
    reads = 0

    def get(self, name, default=None):
        Counted.reads += 1
        return super().get(name, default)


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("payload[].{s: $captures.site}", 1),
        ("payload[].{s: $captures.site, t: $captures.site}", 1),
        ("payload[?@ == $captures.site || $captures.site]", 1),
        ("map(&[@, $captures.site], payload)", 1),
        ("payload[].[$payload[].[$captures.site]]", 1),
        ("let $c = captures in payload[].[let $n = @ in $payload[].[$n, $c.site]]", 1),
        ("payload[].[let $c = $captures in $payload[].[$c.site]]", 3),
    ],
)
def test_path_of_a_variable_is_read_once_for_a_loop(text, reads):
    Counted.reads = 0
    compile_expression(text).search({"payload": [1, 2, 3], "captures": Counted(site="pdx")})
    assert Counted.reads == reads


def hoisted(text):
    """The values of each loop: their new variables, None where there is none."""
    parser = Parser(text)
    tree = parser.parse()
    bindings = hoist(tree, parser.bindings)
    found, waiting = [], [tree]
    while waiting:
        node = waiting.pop()
        found += [[value.binding for value in node[OUTER]]] if OUTER in node else []
        waiting.extend(child for child in reversed(node["children"]) if isinstance(child, dict))
    return found, bindings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a[].{b: b}", ([], 0)),
        ("a | {b: $b.c}", ([], 0)),
        ("a[].[$b]", ([[0]], 1)),
        ("let $b = b in a[].[$b]", ([[None]], 1)),
        ("let $b = b in a[].[$b.c]", ([[1]], 2)),
        ("map(&$index, a)", ([], 1)),
        ("map(&a[].[$index], b)", ([[None]], 1)),
        ("a[].[b[].[$c.d]]", ([[0], [None]], 1)),
        ("a[].[$b.c[?d == $e]]", ([[0, 1], [None]], 2)),
        ("a[1:].[let $b = b in $b.c]", ([], 1)),
    ],
)
def test_value_gets_a_variable_unless_it_is_one(text, expected):
    assert hoisted(text) == expected


def test_value_of_an_empty_loop_is_not_evaluated():
    assert compile_expression("payload[].{s: $captures.site}").search({"payload": []}) == []


@pytest.mark.parametrize(
    "text",
    [
        "a[].[$b[0].c[1:]]",
        "a[*].[$b | [0].c | [0]]",
        "sort_by(a, &$b[0].n * @)",
        "a[].[$b[*].c, $b[0].*]",
        "a[].[$b[]]",
    ],
)
def test_path_is_cut_where_it_does_not_only_select(text):
    scope = {"a": [1, 2], "b": [{"c": [1, 2], "n": -1}]}
    found = compile_expression(text).search(scope)
    assert found == interpret(text, scope)
    assert found
