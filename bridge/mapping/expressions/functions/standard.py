"""Functions of the JMESPath specification, with the results of the `jmespath` package.

https://jmespath.org/specification.html#built-in-functions

The functions with an expression argument (`&name`) are in `expression_arguments`.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

import orjson

from bridge.mapping.expressions.functions.function import MAX_TEXT_CHARS, TYPE_NAMES, Function, Parameter

_ANY = Parameter("value")
_NUMBER = Parameter("number", ("number",))
_NUMBERS = Parameter("numbers", ("array-number",))
_TEXT = Parameter("text", ("string",))
_OBJECT = Parameter("object", ("object",))
_ORDERED = Parameter("values", ("array-number", "array-string"))


def _sum(numbers: list[Any]) -> Any:
    return finite(sum(numbers))


def _avg(numbers: list[Any]) -> Any:
    return finite(sum(numbers) / len(numbers)) if numbers else None


def finite(result: Any) -> Any:
    """Return the number. Raise ValueError for infinity and NaN, which the JSON writer would write as null."""
    if math.isfinite(result):
        return result
    raise ValueError("the result is not a finite number")


def _not_null(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _to_array(value: Any) -> Any:
    return value if type(value) is list else [value]


def to_string(value: Any) -> str:
    """Return a text unchanged, and any other value as compact JSON."""
    return value if type(value) is str else json.dumps(value, separators=(",", ":"), default=str)


def _to_number(value: Any) -> Any:
    """Return a number unchanged. Convert a text that is a JSON number. For any other value, return null.

    Python's `float` is not used, because it also accepts nan, inf, 1_000 and digits of other scripts.
    """
    # Compare the exact type: a boolean is an instance of int, but in JMESPath a boolean is not a number.
    if type(value) is not str:
        return value if type(value) in {int, float} else None
    try:
        number = orjson.loads(value)
    except ValueError:
        return None
    return number if type(number) in {int, float} else None


def _join(glue: str, parts: list[str]) -> str:
    # Estimate the length first, so that a too long text is never created.
    if len(glue) * len(parts) + sum(map(len, parts)) > MAX_TEXT_CHARS:
        raise ValueError(f"the result is longer than {MAX_TEXT_CHARS} characters")
    return glue.join(parts)


def _merge(*objects: dict[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for each in objects:
        merged.update(each)
    return merged


STANDARD: Final[tuple[Function, ...]] = (
    Function("abs", (_NUMBER,), abs, "The number without its sign.", (("abs(`-3.5`)", 3.5),)),
    Function("avg", (_NUMBERS,), _avg, "The mean; null for an empty array.", (("avg(`[1, 2]`)", 1.5),)),
    Function("ceil", (_NUMBER,), math.ceil, "The number rounded up.", (("ceil(`1.2`)", 2),)),
    Function(
        "contains",
        (Parameter("subject", ("array", "string")), Parameter("search")),
        lambda subject, search: search in subject,
        "Whether a text contains another text, or an array contains an element.",
        (("contains('RUN,ALARM', 'ALARM')", True),),
    ),
    Function(
        "ends_with",
        (_TEXT, Parameter("suffix", ("string",))),
        str.endswith,
        "Whether a text ends with the suffix.",
        (("ends_with('press07', '07')", True),),
    ),
    Function("floor", (_NUMBER,), math.floor, "The number rounded down.", (("floor(`1.8`)", 1),)),
    Function(
        "join",
        (Parameter("glue", ("string",)), Parameter("texts", ("array-string",))),
        _join,
        "One text that consists of all texts, with the glue between them.",
        (('join(\'/\', `["pdx", "line3"]`)', "pdx/line3"),),
    ),
    Function("keys", (_OBJECT,), list, "The names of an object's members.", (('keys(`{"a": 1}`)', ["a"]),)),
    Function(
        "length",
        (Parameter("subject", ("string", "array", "object")),),
        len,
        "The number of characters of a text, elements of an array, or members of an object.",
        (("length('abc')", 3),),
    ),
    Function(
        "max",
        (_ORDERED,),
        lambda values: max(values) if values else None,
        "The largest value; null for an empty array.",
        (("max(`[1, 3, 2]`)", 3),),
    ),
    Function(
        "merge",
        (_OBJECT,),
        _merge,
        "One object with the members of all objects. If a name occurs several times, the last value counts.",
        (('merge(`{"a": 1}`, `{"b": 2}`)', {"a": 1, "b": 2}),),
        variadic=True,
        first_only=True,
    ),
    Function(
        "min",
        (_ORDERED,),
        lambda values: min(values) if values else None,
        "The smallest value; null for an empty array.",
        (("min(`[1, 3, 2]`)", 1),),
    ),
    Function(
        "not_null",
        (_ANY,),
        _not_null,
        "The first argument that is not null.",
        (("not_null(`null`, 'a')", "a"),),
        variadic=True,
    ),
    Function(
        "reverse",
        (Parameter("subject", ("array", "string")),),
        lambda subject: subject[::-1],
        "A text or an array in reverse order.",
        (("reverse(`[1, 2]`)", [2, 1]),),
    ),
    Function("sort", (_ORDERED,), sorted, "The values, smallest first.", (("sort(`[3, 1, 2]`)", [1, 2, 3]),)),
    Function(
        "starts_with",
        (_TEXT, Parameter("prefix", ("string",))),
        str.startswith,
        "Whether a text begins with the prefix.",
        (("starts_with('press07', 'press')", True),),
    ),
    Function("sum", (_NUMBERS,), _sum, "The sum; 0 for an empty array.", (("sum(`[1, 2]`)", 3),)),
    Function(
        "to_array",
        (_ANY,),
        _to_array,
        "The value in an array. A value that is already an array is returned unchanged.",
        (("to_array('a')", ["a"]),),
    ),
    Function(
        "to_number",
        (_ANY,),
        _to_number,
        "The number that a text contains, in JSON notation; null if the text is not a number.",
        (("to_number('1.5')", 1.5),),
    ),
    Function(
        "to_string",
        (_ANY,),
        to_string,
        "The value as JSON text. A value that is already a text is returned unchanged.",
        (("to_string(`[1, 2]`)", "[1,2]"),),
        cost=10,
        size_factor=6,
    ),
    Function(
        "type",
        (_ANY,),
        lambda value: TYPE_NAMES.get(type(value)),
        "The name of the value's JMESPath type, such as number.",
        (("type('a')", "string"),),
    ),
    Function(
        "values",
        (_OBJECT,),
        lambda value: list(value.values()),
        "The values of an object's members.",
        (('values(`{"a": 1}`)', [1]),),
    ),
)
