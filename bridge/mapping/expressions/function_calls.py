"""Closures that call functions: they evaluate the arguments, check the types of the arguments, and apply the function.

The closures convert the errors that a function may raise to a TransformError. There are several kinds of closures, so
that each call makes only the checks that it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.errors import TransformError
from bridge.mapping.expressions.selection import literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.mapping.expressions.functions.function import Function, Parameter, Search

# Errors of a function that become a TransformError. Any other error is a bug in the function.
_FAILURES: Final = (ValueError, TypeError, ArithmeticError, LookupError, RecursionError, MemoryError)
# Maximum number of characters that a TransformError quotes from Python's error text.
_SHOWN_CHARS: Final = 200


def call(function: Function, apply: Callable[..., Any], arguments: list[Search]) -> Search:
    """Return a closure for `function(arguments)`.

    `apply` is the Python function to call. `arguments` are the closures of the arguments. For an `expref` argument
    (`&name`), `apply` receives the closure itself, and calls it for each element.
    """
    parameters = [function.parameter(position) for position in range(len(arguments))]
    if any(parameter.expref for parameter in parameters):
        return _by_expression(function, apply, arguments, parameters)
    if any(parameter.elements for parameter in parameters):
        return _of_elements(function, apply, arguments, parameters)
    types = [parameter.types for parameter in parameters]
    if len(arguments) == 1:
        return _unary(function, apply, arguments[0], types[0])
    # Most calls have one or two arguments. The closures for such calls have no loop, so they are faster.
    if len(arguments) == 2:  # noqa: PLR2004
        return _binary(function, apply, (arguments[0], types[0]), (arguments[1], types[1]))
    return _general(function, apply, list(zip(arguments, types, strict=True)))


# The closure of an argument, and the Python types that its parameter accepts. None means all types.
_Checked = tuple["Search", frozenset[type] | None]


def _unary(function: Function, apply: Callable[..., Any], argument: Search, types: frozenset[type] | None) -> Search:
    def search(value: Any) -> Any:
        only = argument(value)
        # Compare the exact type. `isinstance` would accept a boolean as an int, but in JMESPath a boolean is not a
        # number.
        if types is not None and type(only) not in types:
            raise function.mismatch(0, only)
        try:
            return apply(only)
        except _FAILURES as error:
            raise _failed(function, error) from error

    return search


def _binary(function: Function, apply: Callable[..., Any], left: _Checked, right: _Checked) -> Search:
    (first_of, first_types), (second_of, second_types) = left, right

    def search(value: Any) -> Any:
        first, second = first_of(value), second_of(value)
        if first_types is not None and type(first) not in first_types:
            raise function.mismatch(0, first)
        if second_types is not None and type(second) not in second_types:
            raise function.mismatch(1, second)
        try:
            return apply(first, second)
        except _FAILURES as error:
            raise _failed(function, error) from error

    return search


def _general(function: Function, apply: Callable[..., Any], checked: list[_Checked]) -> Search:
    arguments = [argument for argument, _ in checked]
    # Parameters without a type need no check.
    constrained = [(place, types) for place, (_, types) in enumerate(checked) if types is not None]

    def search(value: Any) -> Any:
        values = [argument(value) for argument in arguments]
        for place, types in constrained:
            if type(values[place]) not in types:
                raise function.mismatch(place, values[place])
        try:
            return apply(*values)
        except _FAILURES as error:
            raise _failed(function, error) from error

    return search


def _of_elements(
    function: Function, apply: Callable[..., Any], arguments: list[Search], parameters: list[Parameter]
) -> Search:
    """Return a closure that also checks the types of the elements of arrays."""
    if len(arguments) == 1 and parameters[0].types == frozenset({list}):
        return _of_one_array(function, apply, arguments[0], parameters[0].elements)
    wanted = [(place, parameter.elements) for place, parameter in enumerate(parameters) if parameter.elements]

    def checked(*values: Any) -> Any:
        # Some parameters also accept a text instead of an array, as in `base64('abc')`. A text has no elements to
        # check.
        for place, families in wanted:
            if type(values[place]) is list and not _fit(values[place], families):
                raise function.mismatch(place, values[place])
        return apply(*values)

    return _general(function, checked, [(a, p.types) for a, p in zip(arguments, parameters, strict=True)])


def _of_one_array(
    function: Function, apply: Callable[..., Any], argument: Search, families: tuple[frozenset[type], ...]
) -> Search:
    # There are at most two families: numbers and texts. With only one family, `one_kind` and `other_kind` are the same.
    # `issuperset` with `map` is faster than a Python loop.
    one_kind, other_kind = families[0].issuperset, families[-1].issuperset

    def search(value: Any) -> Any:
        array = argument(value)
        if type(array) is not list:
            raise function.mismatch(0, array)
        if not (one_kind(map(type, array)) or other_kind(map(type, array))):
            raise function.mismatch(0, array)
        try:
            return apply(array)
        except _FAILURES as error:
            raise _failed(function, error) from error

    return search


def _fit(array: list[Any], families: tuple[frozenset[type], ...]) -> bool:
    """Return whether one of the families contains the types of all elements."""
    kinds = set(map(type, array))
    return any(kinds <= family for family in families)


def _by_expression(
    function: Function, apply: Callable[..., Any], arguments: list[Search], parameters: list[Parameter]
) -> Search:
    # An expref argument is not evaluated before the call, because the function evaluates it on each element. So wrap
    # its closure in `literal`. The function then receives the closure itself.
    values = [
        literal(argument) if parameter.expref else argument
        for argument, parameter in zip(arguments, parameters, strict=True)
    ]
    types = [None if parameter.expref else parameter.types for parameter in parameters]
    return _general(function, apply, list(zip(values, types, strict=True)))


def _failed(function: Function, error: BaseException) -> TransformError:
    """Return the TransformError for an error that `apply` has raised."""
    # Python's texts for the following three errors describe limits of Python. Replace them by texts about the value.
    reason = str(error)[:_SHOWN_CHARS]
    if isinstance(error, RecursionError):
        reason = "the value is nested too deeply"
    elif isinstance(error, OverflowError):
        reason = "the numbers are too large"
    elif isinstance(error, MemoryError):
        reason = "the value is too large"
    return TransformError(f"{function.name}(): {reason}")
