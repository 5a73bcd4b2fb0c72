import pytest

from bridge.errors import TransformError
from bridge.mapping.expressions.expression import ExpressionError, compile_expression


@pytest.mark.parametrize(
    ("text", "scope", "result"),
    [
        ("to_number(a)", {"a": "18446744073709551615"}, 18446744073709551615),
        ("to_number(a)", {"a": "1e3"}, 1000.0),
        ("to_number(a)", {"a": True}, None),
        ("to_number(a)", {"a": " -21.5\r\n"}, -21.5),
        ("to_number(a)", {"a": "99999999999999999999"}, 1e20),
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


@pytest.mark.parametrize(
    "text",
    [
        "nan",
        "NaN",
        "inf",
        "-Infinity",
        "1_000",
        "٣",
        "1e999",
        "+1",
        ".5",
        "1.",
        "007",
        "0x1F",
        "",
        "true",
        "[1]",
        "\ufeff1",
    ],
)
def test_to_number_of_text_that_json_does_not_read_is_null(text):
    assert compile_expression("to_number(a)").search({"a": text}) is None


@pytest.mark.parametrize("text", ["sum(a)", "avg(a)", "add(a[0], a[1])"])
def test_sum_beyond_a_float_is_an_error(text):
    with pytest.raises(TransformError, match="not a finite number"):
        compile_expression(text).search({"a": [1.7e308, 1.7e308]})


@pytest.mark.parametrize("literal", ["NaN", "-Infinity", "1e999", '[{"a": NaN}]'])
def test_literal_that_is_not_finite_is_an_error_of_the_mapping(literal):
    with pytest.raises(ExpressionError, match="NaN or an infinity"):
        compile_expression(f"payload > `{literal}`")
