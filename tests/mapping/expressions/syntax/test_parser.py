"""The parser: against the parser of the `jmespath` package, and the trees of what the package does not have."""

import json
from pathlib import Path

import jmespath.parser
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jmespath.exceptions import JMESPathError

from bridge.mapping.expressions.syntax.lexer import LexerError
from bridge.mapping.expressions.syntax.parser import Parser
from bridge.mapping.expressions.syntax.token_reader import ParserError
from tests.mapping.expressions.generated import EXPRESSIONS

SUITE = Path(__file__).parents[2] / "compliance" / "suite"
TEXTS = sorted(
    {
        case["expression"]
        for file in SUITE.glob("*.json")
        for group in json.loads(file.read_text("utf-8"))
        for case in group["cases"]
    }
)
TOKENS = st.sampled_from([
    *"[](){}.,:|&!<*@01", "a", "b", "let", "in", "map", "abs", "[]", "[?", "||", "&&", "==", "!=", "<=", "-1", "'x'",
    "`1`", '"q"', ":1", "[0]", "[-1]", "[*]", "[1:]", "{a:b}", "f(a)", "&a", "\\", "`foo`", "[::2]", '`"\\`"`',
    "'it\\'s'", "[007]",
])  # fmt: skip
NEW_TOKENS = st.sampled_from(
    [*"+-/%=?5", "//", "$x", "1.5", "1e3", "007", "let $x = a in", "map(&$index", "\N{MINUS SIGN}"]
)


def package_tree(text):
    try:
        return jmespath.parser.Parser()._parse(text).parsed
    except (JMESPathError, ValueError, LookupError, TypeError, AttributeError):
        return None


def tree(text):
    return Parser(text).parse()


def rendered(node):
    """Return a short form of a tree, with operators in parentheses."""
    kind, parts = node["type"], [rendered(child) for child in node["children"] if isinstance(child, dict)]
    if kind in {"arithmetic", "unary", "comparator", "function_expression"}:
        return f"({' '.join([node['value'], *parts])})"
    if kind in {"field", "literal"}:
        return str(node["value"])
    return f"${node['value']}" if kind == "variable" else f"{kind}({', '.join(parts)})"


@pytest.mark.parametrize("text", TEXTS)
def test_parser_of_the_suite_returns_the_tree_of_the_package(text):
    expected = package_tree(text)
    if expected is not None:
        assert tree(text) == expected


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=EXPRESSIONS)
def test_parser_of_a_valid_expression_returns_the_tree_of_the_package(text):
    assert tree(text) == package_tree(text)


@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
@given(tokens=st.lists(TOKENS | NEW_TOKENS, min_size=1, max_size=12), gap=st.sampled_from(["", " ", "\n\t"]))
def test_parser_of_any_tokens_returns_the_tree_of_the_package_or_fails(tokens, gap):
    text = gap.join(tokens)
    expected = package_tree(text)
    try:
        found = tree(text)
    except (ParserError, LexerError):
        found = None
    if expected is not None:
        assert found == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b * c", "(add a (multiply b c))"),
        ("a * b + c", "(add (multiply a b) c)"),
        ("a - b - c", "(subtract (subtract a b) c)"),
        ("a / b * c // d % e", "(modulo (floor_divide (multiply (divide a b) c) d) e)"),
        ("(a + b) * c", "(multiply (add a b) c)"),
        ("a * -b", "(multiply a (minus b))"),
        ("-a * b", "(multiply (minus a) b)"),
        ("-a.b[0]", "(minus subexpression(a, index_expression(b, index())))"),
        ("a - -1", "(subtract a -1)"),
        ("a--1", "(subtract a -1)"),
        ("a * -1", "(multiply a -1)"),
        ("a -1", "(subtract a 1)"),
        ("a-1", "(subtract a 1)"),
        ("a[-1] -1", "(subtract index_expression(a, index()) 1)"),
        ("(a)-1", "(subtract a 1)"),
        ("$a-1", "(subtract $a 1)"),
        ("2-1", "(subtract 2 1)"),
        ("+a", "(plus a)"),
        ("- 1", "(minus 1)"),
        ("a + b == c && d", "and_expression((eq (add a b) c), d)"),
        ("a == b - 1", "(eq a (subtract b 1))"),
        ("!a + b", "(add not_expression(a) b)"),
        ("a[*] * 2", "(multiply projection(a, identity()) 2)"),
        ("a.* * 2", "(multiply value_projection(a, identity()) 2)"),
        ("* * 2", "(multiply value_projection(identity(), identity()) 2)"),
        ("a[] / 2", "(divide projection(flatten(a), identity()) 2)"),
        ("a[?b] - 1", "(subtract filter_projection(a, identity(), b) 1)"),
        ("a \N{MULTIPLICATION SIGN} b \N{DIVISION SIGN} c \N{MINUS SIGN} d", "(subtract (divide (multiply a b) c) d)"),
        ("a | b + c", "pipe(a, (add b c))"),
        ("f(a + 1, -1)", "(f (add a 1) -1)"),
        ("[1, 2.5, -3e2]", "multi_select_list(1, 2.5, -300.0)"),
        ("a ? b : c ? d : e", "(if a b (if c d e))"),
        ("a || b ? c : d | e", "pipe((if or_expression(a, b) c d), e)"),
        ("a ? b ? c : d : e", "(if a (if b c d) e)"),
        ("let + in", "(add let in)"),
    ],
)
def test_operators_bind_by_their_precedence(text, expected):
    assert rendered(tree(text)) == expected


def bindings(text):
    """Names and bindings of the variables, in the order of the text."""
    found, waiting = [], [tree(text)]
    while waiting:
        node = waiting.pop()
        if node["type"] == "variable":
            found.append((node["value"], node["binding"]))
        waiting.extend(child for child in reversed(node["children"]) if isinstance(child, dict))
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$a", [("a", None)]),
        ("let $a = $a in $a", [("a", None), ("a", 0)]),
        ("let $a = 1, $b = $a in $b", [("a", None), ("b", 1)]),
        ("let $a = 1 in let $a = $a in $a", [("a", 0), ("a", 1)]),
        ("[let $a = 1 in $a, $a]", [("a", 0), ("a", None)]),
        ("let $a = 1, $a = 2 in $a", [("a", 1)]),
        ("map(&$index, $index)", [("index", 0), ("index", None)]),
        ("map(&map(&$index, @), l)", [("index", 1)]),
        ("sort_by(l, &$index)", [("index", None)]),
    ],
)
def test_variable_is_bound_by_the_innermost_let(text, expected):
    assert bindings(text) == expected


def test_hyphens_without_spaces_are_noted():
    def hyphens(text):
        parser = Parser(text)
        parser.parse()
        return parser.hyphens

    assert hyphens("a-b - c-1 - $d-e - 2-f - g -h - i- j") == [1, 7]
