import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.proposals.yaml_text import comment, yaml_text
from tests.mapping.builders import document

# Words and signs that mean something else in YAML if they are not quoted.
SPECIAL = st.sampled_from([
    "<<", "=", "null", "~", "yes", "0x1", "1_0", "1e3", ".inf", "-", "?", ": ", " #", "*a", "&a", "!t",
    "|", "'", '"', "\\", "---", "...", "@", "%", "\N{LINE SEPARATOR}", "\x85", "\ufeff",
])  # fmt: skip
TEXTS = SPECIAL | st.text(max_size=20) | st.lists(SPECIAL, max_size=3).map("".join)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=10
)


def equal(one, other):
    return repr(one) == repr(other)


@given(VALUES)
def test_yaml_text_is_parsed_to_the_same_value(value):
    text = yaml_text(value)
    assert "\n" not in text
    assert equal(document(f"a: {text}").data["a"], value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("press07", "press07"),
        ("a/b.c-d", "a/b.c-d"),
        ("true", '"true"'),
        ("7", '"7"'),
        ("", '""'),
        ("-a", '"-a"'),
        ("é", '"é"'),
        ('a"b\\c\n', '"a\\"b\\\\c\\n"'),
        ("\x1b\N{RIGHT-TO-LEFT OVERRIDE}\U000e0001", '"\\x1b\\u202e\\U000e0001"'),
        ({"a": [1, 2.5, None, True, "x y"]}, '{a: [1, 2.5, null, true, "x y"]}'),
        ([], "[]"),
        ({}, "{}"),
    ],
)
def test_yaml_text_quotes_only_where_necessary(value, text):
    assert yaml_text(value) == text


@given(st.text())
def test_comment_of_any_text_is_one_printable_line(text):
    shown = comment(text)
    assert shown.isprintable()
    assert document(f"a: 1 # {shown}\nb: 2").data == {"a": 1, "b": 2}
