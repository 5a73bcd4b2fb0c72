import pytest

from bridge.mapping.expressions.syntax.parser import Parser
from tests.mapping.expressions.syntax.trees import failure, shape, tree

A, B, C = ("field", "a"), ("field", "b"), ("field", "c")


@pytest.mark.parametrize(
    ("sign", "made"),
    [
        ("|", ("pipe", A, B)),
        ("||", ("or_expression", A, B)),
        ("&&", ("and_expression", A, B)),
        ("==", ("comparator", "eq", A, B)),
        (">=", ("comparator", "gte", A, B)),
        ("+", ("arithmetic", "add", A, B)),
        ("//", ("arithmetic", "floor_divide", A, B)),
        ("%", ("arithmetic", "modulo", A, B)),
    ],
)
def test_operator_makes_one_node_of_its_operands(sign, made):
    assert shape(tree(f"a {sign} b")) == made
    assert failure(f"a {sign}")[0] == 2 + len(sign)


@pytest.mark.parametrize("sign", ["||", "&&", "==", "-", "/", "|"])
def test_operators_of_one_power_bind_from_the_left(sign):
    first = shape(tree(f"a {sign} b"))
    assert shape(tree(f"a {sign} b {sign} c")) == (*first[:-2], first, C)


@pytest.mark.parametrize(("text", "hyphens"), [("a-b", [1]), ("a-1", [1]), ("a.b-c-d", [3, 5]), ("x + a-b", [5])])
def test_hyphen_between_names_without_spaces_is_noted(text, hyphens):
    parser = Parser(text)
    parser.parse()
    assert parser.hyphens == hyphens


@pytest.mark.parametrize("text", ["a - b", "a -b", "a- b", "$a-b", "(a)-b", "1-a", "a+b", 'a-"b"', "a\N{MINUS SIGN}b"])
def test_hyphen_that_is_probably_a_subtraction_is_not_noted(text):
    parser = Parser(text)
    parser.parse()
    assert parser.hyphens == []


def test_conditional_is_a_call_of_if_and_binds_from_the_right():
    inner = ("function_expression", "if", C, A, B)
    assert shape(tree("a ? b : c ? a : b")) == ("function_expression", "if", A, B, inner)
    assert shape(tree("a ? c ? a : b : b")) == ("function_expression", "if", A, inner, B)


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("a ? b", 5, "':' and another value must follow: condition ? a : b"),
        ("a ? b, c", 5, "':' and another value must follow: condition ? a : b"),
        ("a ? : b", 4, ""),
        ("a ? b :", 7, ""),
    ],
)
def test_conditional_that_is_not_complete_is_an_error(text, offset, message):
    assert failure(text) == (offset, (), message)


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("f()", ()),
        ("f(a)", (A,)),
        ("f(a, b)", (A, B)),
        ("f(a b)", (A, B)),
        ("f(a | b)", (("pipe", A, B),)),
        ("f(a, b,)", (A, B)),
    ],
)
def test_call_has_its_arguments_in_order(text, arguments):
    assert shape(tree(text)) == ("function_expression", "f", *arguments)


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("a[0](b)", 4, "only a function's name stands before ("),
        ("@(b)", 1, "only a function's name stands before ("),
        ("f(", 2, ""),
        ("f(a", 3, ""),
        ("f(,a)", 2, ""),
        ("f(a]", 3, ""),
    ],
)
def test_call_that_is_not_complete_is_an_error(text, offset, message):
    assert failure(text) == (offset, (), message)


def test_call_is_located_at_the_name_of_the_function():
    parser = Parser("a | f(b) + c")
    made = parser.parse()["children"][1]
    assert parser.starts[id(made)] == 9
    assert parser.starts[id(made["children"][0])] == 4


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("map(&$index, a)", 0),
        ("map(&$index, $index)", 0),
        ("map(&a, b)", None),
        ("map(a, &$index)", None),
        ("map(&map(&$index, @), a)", None),
        ("sort_by(a, &$index)", None),
    ],
)
def test_map_that_reads_the_index_names_its_binding(text, index):
    assert tree(text).get("index") == index
