from itertools import pairwise

import pytest

from bridge.mapping.expressions.syntax.lexer import tokens
from bridge.mapping.expressions.syntax.precedence import ARITHMETIC, COMPARATORS, PROJECTION_STOP, UNARY, power
from tests.mapping.expressions.syntax.trees import tree

# Signs from the weakest to the strongest. Signs of one group have the same power.
GROUPS = (("|",), ("?",), ("||",), ("&&",), ("==", "!=", "<", "<=", ">", ">="), ("+", "-"), ("*", "/", "//", "%"))


def kind(sign):
    return tokens(sign)[0].kind


def test_power_rises_from_the_pipe_to_the_path():
    powers = [{power(kind(sign)) for sign in group} for group in GROUPS]
    assert [len(each) for each in powers] == [1] * len(GROUPS)
    order = [*(min(each) for each in powers), UNARY, *map(power, ("flatten", "filter", "dot", "not", "lbracket"))]
    assert all(weak < strong for weak, strong in pairwise(order))


@pytest.mark.parametrize("kind", ["eof", "rparen", "rbracket", "rbrace", "comma", "colon", "number", "variable", ""])
def test_power_of_a_token_that_ends_an_expression_is_zero(kind):
    assert power(kind) == 0


def test_power_of_an_operator_ends_a_projection():
    assert all(0 < power(each) < PROJECTION_STOP for each in (*ARITHMETIC, *COMPARATORS, "pipe", "question", "or"))


@pytest.mark.parametrize(
    ("weak", "strong"), [(low[-1], high[0]) for low, high in pairwise(group for group in GROUPS if group != ("?",))]
)
def test_precedence_binds_the_stronger_operator_first(weak, strong):
    assert tree(f"a {weak} b {strong} c")["children"][1] == tree(f"b {strong} c")
    assert tree(f"a {strong} b {weak} c")["children"][0] == tree(f"a {strong} b")
