import pytest

from bridge.mapping.expressions.expression import compile_expression


@pytest.mark.parametrize(
    ("text", "scope", "result"),
    [
        ("to_number(a)", {"a": "18446744073709551615"}, 18446744073709551615),
        ("to_number(a)", {"a": "1e3"}, 1000.0),
        ("to_number(a)", {"a": True}, None),
        ("to_string(a)", {"a": {"b": [1, None]}}, '{"b":[1,null]}'),
        ("contains(a, `1`)", {"a": [2, 1.0]}, True),
        ('merge(a, `{"x": 2}`)', {"a": {"x": 1, "y": 1}}, {"x": 2, "y": 1}),
        ("max(a)", {"a": []}, None),
        ("sum(a)", {"a": []}, 0),
        ("length(a)", {"a": "é"}, 1),
        ("type(a)", {}, "null"),
    ],
)
def test_standard_functions(text, scope, result):
    assert compile_expression(text).search(scope) == result
