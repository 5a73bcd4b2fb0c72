import pytest

from bridge.mapping.expressions.static_checks import MAX_DEPTH, ExpressionFault, WrongArity, check
from bridge.mapping.expressions.syntax.parser import Parser


def fault(text):
    with pytest.raises(ExpressionFault) as caught:
        check(Parser(text).parse())
    return caught.value


@pytest.mark.parametrize(
    "text", ["a", "a[::-1]", '`[1, {"a": 1e308}]`', "sort_by(a, &b)", "map(&sort_by(@, &b), a)", "not_null(a, b, c)"]
)
def test_check_accepts_a_valid_tree(text):
    check(Parser(text).parse())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a[::0]", "a slice's step cannot be 0"),
        ("map(&a[0:1:0], b)", "a slice's step cannot be 0"),
        ("`NaN`", "a literal holds NaN or an infinity, which JSON does not have"),
        ('a || `[{"b": -Infinity}]`', "a literal holds NaN or an infinity, which JSON does not have"),
        ("1e999", "a literal holds NaN or an infinity, which JSON does not have"),
        ("&a", "an & expression can only be an argument of a function"),
        ("[&a]", "an & expression can only be an argument of a function"),
        ("{a: b[?&c]}", "an & expression can only be an argument of a function"),
        ("sort_by(a, b)", "sort_by(): argument 2 must be an expression, written with &: sort_by(…, &name)"),
        ("sort_by(&a, &b)", "sort_by(): argument 1 (array) cannot be an & expression"),
        ("not_null(a, &b)", "not_null(): argument 2 (value) cannot be an & expression"),
        ("lenght(a)", "unknown function lenght(); did you mean 'length'?"),
        ("xyzzy(a)", "unknown function xyzzy(); 'mqtt-kinesis functions' lists all"),
    ],
)
def test_check_reports_the_fault(text, message):
    assert str(fault(text)) == message


def test_check_of_a_call_reports_the_node_and_its_arity():
    tree = Parser("a | [abs(b, c)]").parse()
    with pytest.raises(WrongArity, match="takes 1 argument, found 2") as caught:
        check(tree)
    assert caught.value.node is tree["children"][1]["children"][0]


@pytest.mark.parametrize(("levels", "valid"), [(MAX_DEPTH, True), (MAX_DEPTH + 1, False)])
def test_check_limits_the_depth(levels, valid):
    text = "!" * (levels - 1) + "a"
    if valid:
        check(Parser(text).parse())
    else:
        assert str(fault(text)) == "the expression is nested deeper than 150 levels"


def test_check_measures_a_tree_that_is_too_deep_for_the_stack():
    tree = {"type": "field", "value": "a", "children": []}
    for _ in range(5_000):
        tree = {"type": "not_expression", "children": [tree]}
    with pytest.raises(ExpressionFault, match="deeper than 150"):
        check(tree)
    # Python would free the tree recursively.
    while tree["children"]:
        tree = tree["children"].pop()


@pytest.mark.parametrize(("stages", "valid"), [(12, True), (13, False)])
def test_check_limits_the_size_of_the_result(stages, valid):
    text = " | ".join(["[@, @]"] * stages)
    if valid:
        check(Parser(text).parse())
    else:
        assert str(fault(text)) == "the expression can make its input more than 4096 times larger"
