"""Generated JMESPath expressions and documents (hypothesis), of the parts of the language that both sides evaluate."""

import json

from hypothesis import strategies as st

NAMES = st.sampled_from(["a", "b", "c", "d"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.sampled_from(["", "a", "b", "10", "1.5", "é"])
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)
SCOPES = st.dictionaries(NAMES, DOCUMENTS, min_size=1, max_size=4)

_LITERALS = st.one_of(
    SCALARS.map(lambda value: "`" + json.dumps(value).replace("`", "\\`") + "`"),
    st.sampled_from(["'a'", "'b'", "''", "`[1, 2, 3]`", '`["b", "a"]`', "`{}`", '`{"a": 1}`', "`[[1], [2, [3]]]`"]),
)
_UNARY = (  # noqa: SIM905 - a list of words reads better
    "abs avg ceil floor keys length max min reverse sort sum to_array to_number to_string type values not_null merge"
).split()
_BINARY = ["contains", "ends_with", "starts_with", "join", "not_null", "merge"]
_COMPARATORS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
_SLICES = st.tuples(*[st.none() | st.integers(-3, 3)] * 2, st.none() | st.sampled_from([1, -1, 2, -2]))


def _slice(bounds):
    return "[" + ":".join("" if bound is None else str(bound) for bound in bounds) + "]"


def _suffix(inner):
    return st.one_of(
        NAMES.map(".{}".format),
        st.integers(-3, 3).map("[{}]".format),
        _SLICES.map(_slice),
        st.sampled_from(["[]", "[*]", ".*"]),
        inner.map("[?{}]".format),
        st.lists(st.tuples(NAMES, inner), min_size=1, max_size=3).map(lambda items: f".{_hash(items)}"),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: f".[{', '.join(items)}]"),
    )


def _hash(items):
    return "{" + ", ".join(f"{key}: {value}" for key, value in items) + "}"


def _larger(inner):
    bracketed = inner.map("({})".format)
    return st.one_of(
        st.tuples(NAMES | bracketed, st.lists(_suffix(inner), min_size=1, max_size=3)).map(
            lambda parts: parts[0] + "".join(parts[1])
        ),
        st.tuples(inner, _COMPARATORS, inner).map(" ".join),
        st.tuples(inner, st.sampled_from(["||", "&&", "|"]), inner).map(" ".join),
        bracketed.map("!{}".format),
        st.lists(st.tuples(NAMES, inner), min_size=1, max_size=4).map(_hash),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.tuples(st.sampled_from(_UNARY), inner).map("{0[0]}({0[1]})".format),
        st.tuples(st.sampled_from(_BINARY), inner, inner).map("{0[0]}({0[1]}, {0[2]})".format),
        st.tuples(inner, inner).map("map(&{0[0]}, {0[1]})".format),
        st.tuples(st.sampled_from(["sort_by", "min_by", "max_by"]), inner, inner).map("{0[0]}({0[1]}, &{0[2]})".format),
        inner.map("[{0}, {0}]".format),
        inner.map("{{a: {0}, b: length(to_array({0})), c: length(to_array({0}))}}".format),
    )


def _extended(inner):
    variables = st.sampled_from(["$a", "$b", "$x", "$y"])
    bound = st.tuples(variables, inner).map("let {0[0]} = {0[1]} in ".format) | st.just("")
    return st.one_of(
        _larger(inner),
        variables,
        variables.map("{}.a".format),
        st.tuples(inner, _OPERATORS, inner).map("({0[0]} {0[1]} {0[2]})".format),
        st.tuples(inner, _OPERATORS, inner, _OPERATORS, inner).map(" ".join),
        inner.map("-({})".format),
        st.tuples(inner, inner, inner).map("({0[0]} ? {0[1]} : {0[2]})".format),
        st.tuples(variables, inner, inner).map("(let {0[0]} = {0[1]} in {0[2]})".format),
        st.tuples(variables, inner, variables, inner, inner).map(
            "(let {0[0]} = {0[1]}, {0[2]} = {0[3]} in {0[4]})".format
        ),
        inner.map("map(&[$index, {0}], to_array({0}))".format),
        st.tuples(bound, inner).map("({0[0]}to_array({0[1]})[].{{x: {0[1]}, a: $a, y: $x}})".format),
        st.tuples(bound, inner, inner).map("({0[0]}map(&[$x.a, {0[1]}, $x[0].b], to_array({0[2]})))".format),
        st.tuples(inner, inner).map(
            "(let $x = {0[0]} in $x[*].[let $y = @ in to_array({0[1]})[?$y == $x[0]].[$y, $x[1].a]])".format
        ),
        st.sampled_from(["items", "from_items", "zip"]).flatmap(lambda name: inner.map(f"{name}({{}})".format)),
        st.tuples(inner, inner).map("zip({0[0]}, {0[1]})".format),
        st.tuples(inner, inner).map("group_by({0[0]}, &{0[1]})".format),
        st.integers(-1, 3).map("range({})".format),
    )


_OPERATORS = st.sampled_from(["+", "-", "*", "/", "%", "//"])

EXTENDED = st.recursive(NAMES | st.just("@") | _LITERALS | st.integers(-9, 9).map(str), _extended, max_leaves=8)
"""Expressions that also have variables, operators and conditionals; `$a` and `$b` are predefined."""

EXPRESSIONS = st.recursive(NAMES | st.just("@") | _LITERALS, _larger, max_leaves=8)
