import pytest

from bridge.errors import TransformError
from bridge.mapping.expressions.function_calls import call
from bridge.mapping.expressions.functions.function import Function, Parameter
from bridge.mapping.expressions.selection import literal


def function(*parameters, **options):
    return Function("f", parameters, lambda *values: list(values), "", (), **options)


def result(made, *values, apply=None):
    return call(made, apply or made.apply, [literal(value) for value in values])(None)


def detail(made, *values, apply=None):
    with pytest.raises(TransformError) as caught:
        result(made, *values, apply=apply)
    return caught.value.detail


NUMBER, TEXT = Parameter("number", ("number",)), Parameter("text", ("string",))
NUMBERS, ANY = Parameter("values", ("array-number", "array-string")), Parameter("any")


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_call_with_any_number_of_arguments_keeps_their_order(count):
    values = list(range(count))
    assert result(function(*[NUMBER] * count), *values) == values


@pytest.mark.parametrize("count", [1, 2, 3])
def test_call_names_the_first_argument_of_the_wrong_type(count):
    for wrong in range(count):
        values = [True if place >= wrong else place for place in range(count)]
        message = f"f(): argument {wrong + 1} (number) must be a number, found true"
        assert detail(function(*[NUMBER] * count), *values) == message


def test_call_accepts_any_value_for_a_parameter_without_types():
    for values in ([None], [None, True], [1, None, {}]):
        assert result(function(*[ANY] * len(values)), *values) == values


def test_call_checks_only_the_first_type_if_the_function_requires_this():
    made = function(TEXT, variadic=True, first_only=True)
    assert result(made, "a", 5, None) == ["a", 5, None]
    assert detail(made, 5, "a") == "f(): argument 1 (text) must be a string, found number 5"


@pytest.mark.parametrize("array", [[], [1, 2.5], ["a", ""]])
def test_call_accepts_an_array_of_one_family(array):
    assert result(function(NUMBERS), array) == [array]
    assert result(function(TEXT, NUMBERS), "a", array) == ["a", array]


@pytest.mark.parametrize("array", [[1, "a"], ["a", 1], [None], [True], [1, [2]]])
def test_call_rejects_an_array_of_mixed_types(array):
    wanted = "(values) must be an array of numbers or an array of strings, found"
    assert detail(function(NUMBERS), array).startswith(f"f(): argument 1 {wanted}")
    assert detail(function(TEXT, NUMBERS), "a", array).startswith(f"f(): argument 2 {wanted}")


def test_call_rejects_another_value_than_an_array():
    wanted = "must be an array of numbers or an array of strings, found"
    assert detail(function(NUMBERS), "a") == f"f(): argument 1 (values) {wanted} string 'a'"
    assert detail(function(TEXT, NUMBERS), "a", None) == f"f(): argument 2 (values) {wanted} null"


def test_call_hands_over_an_expression_unevaluated():
    by = literal("evaluated")
    made = function(Parameter("by", ("expref",)), NUMBERS)
    assert call(made, made.apply, [by, literal([1])])(None) == [by, [1]]
    assert detail(made, None, 5).startswith("f(): argument 2 (values) must be an array")


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("x" * 500), "x" * 200),
        (ZeroDivisionError("division by zero"), "division by zero"),
        (RecursionError("maximum recursion depth exceeded"), "the value is nested too deeply"),
        (OverflowError("int too large"), "the numbers are too large"),
        (MemoryError(), "the value is too large"),
        (IndexError("no such index"), "no such index"),
    ],
)
def test_call_whose_function_fails_reports_the_reason(count, error, reason):
    def fails(*_values):
        raise error

    assert detail(function(*[ANY] * count), *[1] * count, apply=fails) == f"f(): {reason}"
    assert detail(function(NUMBERS), [1], apply=fails) == f"f(): {reason}"


def test_call_does_not_hide_an_error_of_the_program():
    def fails(_value):
        raise AttributeError("a bug")

    with pytest.raises(AttributeError, match="a bug"):
        result(function(ANY), 1, apply=fails)
