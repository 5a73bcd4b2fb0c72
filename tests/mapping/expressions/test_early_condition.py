from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.expressions.expression import compile_early_condition, compile_expression, truthy

ATOMS = st.sampled_from(["a", "b", "p", "p.x", "a == b", "p == a", "!a", "contains(['x'], a)", "`true`"])
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("({0[0]} && {0[1]})".format),
        st.tuples(inner, inner).map("({0[0]} || {0[1]})".format),
        inner.map("!({0})".format),
    ),
    max_leaves=8,
)
VALUES = st.sampled_from([True, False, None, "x", {"x": 1}])


@given(text=CONDITIONS, a=VALUES, b=VALUES, p=VALUES)
def test_part_without_a_member_is_truthy_wherever_the_condition_is(text, a, b, p):
    part = compile_early_condition(text, frozenset({"p"}))
    if part is None:
        return
    assert "p" not in part.names
    if truthy(compile_expression(text).search({"a": a, "b": b, "p": p})):
        assert truthy(part.search({"a": a, "b": b}))


def names(text):
    part = compile_early_condition(text, frozenset({"p"}))
    return None if part is None else set(part.names)


def test_part_holds_every_condition_that_decides_alone():
    assert names("p && a && b") == {"a", "b"}
    assert names("a && (b || p)") == {"a"}
    assert names("(a && p) || (b && p)") == {"a", "b"}
    assert names("!(a || p)") == {"a"}
    assert names("!(!a && !p)") is None
    assert names("a || p") is None
    assert names("p") is None
    assert names("a") == {"a"}
    assert names("`true` && p") is None
    assert names("@.a && p") == {"a"}
    assert names("@ && a") == {"a"}
