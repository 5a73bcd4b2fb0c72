import pytest

from bridge.mapping.expressions.expression import ExpressionError, compile_expression


@pytest.mark.parametrize(("text", "said"), [
    ("payload.a and payload.b", "'and' cannot stand here; write && for 'and'"),
    ("payload.a or payload.b", "'or' cannot stand here; write || for 'or'"),
    ("not payload.a", "'payload' cannot stand here; write ! for 'not'"),
    ("payload.a is None", "'is' cannot stand here; write == to compare, as in: payload.a == `null`"),
    ("payload.a in ['x']", "'in' cannot stand here; write contains(list, value)"),
    ("payload.x 5", "'5' cannot stand here"),
    ("payload.[0]", "an index has no dot before it; a number in a list behind a dot: `0`"),
    ("payload.[a, 1]", "an index has no dot before it; a number in a list behind a dot: `1`"),
    ("payload[0.5]", "an index is a whole number"),
    ("{a: 007}", "a number has no leading zeros"),
    ("payload.a ^ 2", "'^' cannot stand here; write power(base, exponent)"),
    ("payload.a; payload.b", "; an expression has no statements: `let $name = value in expression` names a value"),
    ("${PAYLOAD}", "; a mapping has no ${...}, which is for bridge.yaml only; the payload is $payload"),
    ("let $a = payload", "`in` and an expression must follow the values of `let`"),
    ("let $a = payload in", "the expression ends too early"),
    ("payload $captures", "'$captures' cannot stand here"),
    ("let $a payload in $a", "expected '=' here, found 'payload'"),
    ("let $a = payload, b in $a", "expected a variable ($name) here, found 'b'"),
    ("let $a = payload | $a", "`in` and an expression must follow the values of `let`"),
    ("payload.a = 'x'", "'=' cannot stand here; '==' tests for equality, '!=' for inequality"),
    ("payload.a <> 'x'", "'>' cannot stand here; '!=' tests for inequality"),
    ("payload.1", 'found \'1\'; a name that begins with a digit stands in double quotes: "1"'),
    ("{'a': payload.x}", "expected a name here, found a quote; a name stands in double quotes, or in none"),
    ("payload.a ? b", "the expression ends too early"),
    ("payload.a ? b, c", "expected ':' here, found ','"),
    ("{a payload.x}", "expected ':' here, found 'payload'"),
    ("payload[a]", "expected a number or * here, found 'a'"),
    ("'it's'", "unterminated string literal"),
    ("payload.a b", "'b' cannot stand here"),
])  # fmt: skip
def test_hint_names_the_probable_correction(text, said):
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text)
    assert caught.value.message.endswith(said)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("decode_base64", "from_base64(a) makes a byte list"),
        ("parse_json", "from_json(a) reads JSON text"),
        ("to_json", "to_string(a) makes JSON text of a value"),
        ("toLower", "lower(a) is in lower case"),
        ("concat", "join('', [a, b]) joins texts; so does format('{}{}', a, b)"),
        ("substring", "slice(a, 0, 3) cuts a text"),
        ("if_else", "a > 5 ? 'high' : 'low' chooses"),
        ("sqrt", "power(a, 0.5) is the square root"),
        ("merge_each", "merge(a, b) joins objects"),
        ("containz", "did you mean 'contains'?"),
    ],
)
def test_unknown_function_proposes_what_does_the_job(name, hint):
    with pytest.raises(ExpressionError) as caught:
        compile_expression(f"{name}(payload)")
    assert caught.value.message == f"unknown function {name}(); {hint}"
