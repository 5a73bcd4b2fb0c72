import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.expressions.advice import advice

# Parts of expressions and of other languages, for which the tables have advice.
PARTS = st.sampled_from([
    "and", "or", "is", "in", "like", "if", "not", "let", "between", "mod", "as", "return", "len", "a", "7",
    "1.5", "1,5", ".", ",", "?", "(", ")", "[", "]", "{", "}", "**", "//", "/*", "->", "=>", "::", "${", "$x",
    "=", "<>", "&", "^", ";", "#", "'", '"', "`", " ", "\n", "é", "\N{NO-BREAK SPACE}",
])  # fmt: skip


@pytest.mark.parametrize(
    ("text", "at", "result"),
    [
        ("a and b", "and", "write && for 'and'"),
        ("a android", "android", ""),
        ("a == b mod 2", "mod", "write % for the remainder"),
        ("x between 1 and 2", "between", "write (a >= 0 && a <= 100)"),
        ("a /* b */", "b", "an expression has no comments; write a YAML comment above it"),
        ("return a", "a", "an expression has no `return`"),
        ("= a", "=", "an expression begins without '='"),
        ("len a", "a", "write the arguments in parentheses: f(a)"),
        ("a.5b", "5", 'write a name that begins with a digit in double quotes: "5"'),
        ("1.2.3", ".3", "a number is written in decimal, such as 5, -1.5 or 1e3"),
        ("a::b", "::", 'a member is written .name, or ."name" in double quotes'),
        ("{{a}}", "{a", "braces make an object, {name: value}; write an expression without braces"),
        ("a $b", "$b", ""),
        ("a $", "$", "a variable has a name: the payload is $payload"),
        ("a b", "b", ""),
        ("a )", ")", ""),
        ("a.é", "é", ""),
        ("a 7", "7", ""),
    ],
)
def test_advice_depends_on_the_text_around_the_error(text, at, result):
    assert advice(text, text.index(at)) == result


@given(st.lists(PARTS, max_size=12), st.data())
def test_advice_for_any_text_is_one_line(parts, data):
    text = "".join(parts)
    found = advice(text, data.draw(st.integers(0, len(text))))
    assert "\n" not in found


def test_advice_after_a_very_long_text_is_found():
    text = "(" * 60_000 + "1" * 5_000 + " ** "
    assert advice(text + "2", len(text)) == "write power(base, exponent)"
