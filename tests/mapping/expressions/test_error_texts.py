import pytest

from bridge.mapping.expressions.expression import ExpressionError, compile_expression

DOTS = "\N{HORIZONTAL ELLIPSIS}"


@pytest.mark.parametrize(("text", "said"), [
    ("payload.a and payload.b", "'and' is unexpected here; write && for 'and'"),
    ("payload.a or payload.b", "'or' is unexpected here; write || for 'or'"),
    ("not payload.a", "'payload' is unexpected here; write ! for 'not'"),
    ("payload.a is None", "'is' is unexpected here; write == to compare, as in: payload.a == `null`"),
    ("payload.a in ['x']", "'in' is unexpected here; write contains(list, value)"),
    ("payload.x 5", "'5' is unexpected here"),
    ("payload.[0]", "an index has no dot before it; a number in a list is written `0`"),
    ("payload.[a, 1]", "an index has no dot before it; a number in a list is written `1`"),
    ("payload[0.5]", "an index is a whole number"),
    ("{a: 007}", "a number has no leading zeros"),
    ("payload.a ^ 2", "'^' is unexpected here; write power(base, exponent)"),
    ("payload.a; payload.b", "; an expression has no statements: `let $name = value in expression` names a value"),
    ("${PAYLOAD}", "; a mapping has no ${...}, which is for bridge.yaml only; the payload is $payload"),
    ("let $a = payload", "`in` and an expression must follow the values of `let`"),
    ("let $a = payload in", "the expression ends too early"),
    ("payload $captures", "'$captures' is unexpected here"),
    ("let $a payload in $a", "expected '=' here, found 'payload'"),
    ("let $a = payload, b in $a", "expected a variable ($name) here, found 'b'"),
    ("let $a = payload | $a", "`in` and an expression must follow the values of `let`"),
    ("payload.a = 'x'", "'=' is unexpected here; '==' tests for equality, '!=' for inequality"),
    ("payload.a <> 'x'", "'>' is unexpected here; '!=' tests for inequality"),
    ("payload.1", 'found \'1\'; write a name that begins with a digit in double quotes: "1"'),
    ("{'a': payload.x}", "expected a name here, found a quote; write a name in double quotes, or without quotes"),
    ("payload.a ? b", "':' and another value must follow: condition ? a : b"),
    ("payload.a ? b, c", "':' and another value must follow: condition ? a : b"),
    ("{a payload.x}", "expected ':' here, found 'payload'"),
    ("payload[a]", "found 'a'; a member is written .name, or .\"name\" in double quotes"),
    ('payload["a"]', 'found a quote; a member is written .name, or ."name" in double quotes'),
    ("payload.a->b", "'>' is unexpected here; a member is written .name, or .\"name\" in double quotes"),
    ("payload[$topic]", "for a member, items(a)[?[0] == $name] | [0][1]"),
    ("payload.l[1,2]", "several elements are written [list[0], list[1]]"),
    ("payload.a * 1,5", "a decimal point is written '.'"),
    ("payload.a ** 2", "'2' is unexpected here; write power(base, exponent)"),
    ("payload.a ?? 1", "'?' is unexpected here; not_null(a, b) is the first value that is not null"),
    ("payload?.a", "'.' is unexpected here; remove the ?, because a member of null is null"),
    ("{a: payload.a,}", "expected a name here, found '}'; remove the comma before it"),
    ("let x = payload in x", "'x' is unexpected here; a variable begins with $: `let $name = value in expression`"),
    ("if(payload.a) 2 else 3", "'2' is unexpected here; write if(condition, a, b), or condition ? a : b"),
    ("1 if payload.a else 2", "'if' is unexpected here; write condition ? a : b"),
    ("payload.a not in [1]", "'not' is unexpected here; write !contains(list, value)"),
    ("payload.t like 'x'", "'like' is unexpected here; write regex_match(text, '^press')"),
    ("payload.l.map(x => x)", "'=' is unexpected here; map(&name, list) evaluates an expression for each element"),
    ("payload.l[].(a + 1)", "evaluates an expression for each element, even with operators or `let`"),
    ("payload.a # later", "an expression has no comments; write a YAML comment above it"),
    ("f'{a}'", "a quote is unexpected here; format('{}-{}', a, b) writes values into a text"),
    ("0x10", "'x10' is unexpected here; a number is written in decimal, such as 5, -1.5 or 1e3"),
    ("$.payload", "'$' is unexpected here; a variable has a name: the payload is $payload"),
    ("payload.t.upper()", f"upper(text); write upper(value, {DOTS}), not value.upper({DOTS})"),
    ("payload.l[*] * 2", f"must be a number, found a list; map(&{DOTS}, list) calculates with each element"),
    ("payload.{a: a} + 1", "found an object"),
    ("(payload.a > 1) * 2", "must be a number, found true or false; put the calculation in parentheses"),
    ("'it's'", "unterminated string literal"),
    ("payload.a b", "'b' is unexpected here"),
])  # fmt: skip
def test_hint_names_the_probable_correction(text, said):
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text)
    assert caught.value.message.endswith(said)


@pytest.mark.parametrize(("text", "offset", "said"), [
    ("payload.a +\n", 11, "the expression ends too early"),
    ("(payload.a + 1\n", 0, "'(' is never closed"),
    ("upper(lower(payload.a)", 5, "'(' is never closed"),
    ("payload.l[?a > 1", 9, "'[?' is never closed"),
    ("{a: [payload.a, 1", 4, "'[' is never closed"),
    ("(payload.a +", 12, "the expression ends too early"),
])  # fmt: skip
def test_unfinished_expression_points_to_what_is_not_finished(text, offset, said):
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text)
    assert (caught.value.offset, caught.value.message) == (offset, said)


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
        ("rate", "'mqtt-kinesis functions' lists all"),
        ("sin", "'mqtt-kinesis functions' lists all"),
        ("modbus", "unpack_registers(a, 'word_swap t:f32') reads registers of 16 bits"),
        ("containz", "did you mean 'contains'?"),
    ],
)
def test_unknown_function_proposes_what_does_the_job(name, hint):
    with pytest.raises(ExpressionError) as caught:
        compile_expression(f"{name}(payload)")
    assert caught.value.message == f"unknown function {name}(); {hint}"
