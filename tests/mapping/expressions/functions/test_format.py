import pytest

from bridge.errors import TransformError
from bridge.mapping.expressions.expression import ExpressionError, compile_expression


def search(text, **scope):
    return compile_expression(text).search(scope)


@pytest.mark.parametrize(
    ("template", "values", "result"),
    [
        ("{}/{}", ["pdx", 3], "pdx/3"),
        ("{1}{0}{1}", ["a", "b"], "bab"),
        ("{:05}|{:.2f}|{:x}|{:08b}", [42, 1.239, 255, 5], "00042|1.24|ff|00000101"),
        ("{:6}|{:6}", ["ab", 1], "ab    |     1"),
        ("{{}} {}", [True], "{} true"),
        ("{} {} {}", [None, [1, "a"], {"b": 1.5}], 'null [1,"a"] {"b":1.5}'),
        ("{}", [18446744073709551615], "18446744073709551615"),
        ("no place", ["x"], "no place"),
    ],
)
def test_template_is_filled(template, values, result):
    names = ", ".join(f"v{place}" for place in range(len(values)))
    scope = {f"v{place}": value for place, value in enumerate(values)}
    assert search(f"format('{template}', {names})", **scope) == result
    assert search(f"format(t, {names})", t=template, **scope) == result


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{", "write {{ for a brace"),
        ("a}", "write }} for a brace"),
        ("{name}", "write {{ for a brace"),
        ("{:9999}", "is not a format"),
        ("{:.999f}", "is not a format"),
        ("{:>10}", "is not a format"),
        ("{0.__class__}", "write {{ for a brace"),
        ("{5}", "needs 6 values, found 1"),
    ],
)
def test_wrong_template_is_an_error_of_the_mapping_or_of_the_message(template, reason):
    with pytest.raises(ExpressionError, match=reason):
        compile_expression(f"format('{template}', a)")
    with pytest.raises(TransformError, match=reason):
        search("format(t, a)", t=template, a=1)


def test_value_that_does_not_fit_its_format_is_an_error():
    with pytest.raises(TransformError, match=r"format\(\): Unknown format code 'd'"):
        search("format('{:d}', a)", a=1.5)
