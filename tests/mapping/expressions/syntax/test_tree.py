import pytest

from bridge.mapping.expressions.syntax.parser import Parser
from bridge.mapping.expressions.syntax.tree import node, reads


def test_node_has_its_children_and_facts():
    child = node("field", value="a")
    assert node("unary", child, value="minus") == {"type": "unary", "children": [child], "value": "minus"}
    assert child == {"type": "field", "children": [], "value": "a"}


def test_node_without_children_has_its_own_list():
    first, second = node("current"), node("current")
    first["children"].append(second)
    assert second["children"] == []


@pytest.mark.parametrize(
    ("text", "result"),
    [("$x", True), ("a[?b > $x].c", True), ("f(&[$x])", True), ("a[0:1].b", False), ("$y", False), ("x", False)],
)
def test_reads_finds_the_variable_at_any_depth(text, result):
    body = Parser(f"let $x = a in {text}").parse()["children"][-1]
    assert reads(body, 0) is result


def test_reads_distinguishes_variables_of_one_name():
    body = Parser("let $x = a in let $x = b in $x").parse()["children"][-1]
    assert (reads(body, 0), reads(body, 1)) == (False, True)
