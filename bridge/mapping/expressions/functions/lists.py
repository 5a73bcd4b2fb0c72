"""Functions for lists, and for the conversion between lists and objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.mapping.expressions.functions.function import STEP_CHARS, Binding, Function, Parameter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Number of elements of a pair: name and value.
_PAIR: Final = 2
# Number of steps that each number of `range` counts as work. This is more than 1, because further functions usually
# process each number. One message can create at most 200,000 numbers: MAX_STEPS divided by this number.
_NUMBER_STEPS: Final = 10
# Size factor of the functions that count the values that they create. An expression may repeat the result of such a
# call at most 64 times, because MAX_SIZE_FACTOR is 64 times this factor.
_SIZE_FACTOR: Final = 64


def _from_items(items: list[Any]) -> dict[str, Any]:
    """Return an object from pairs of name and value. Raise ValueError for an item that is not such a pair."""
    for item in items:
        if type(item) is not list or len(item) != _PAIR or type(item[0]) is not str:
            raise ValueError("every item must be a list of a name (text) and a value")
    return dict(items)


def _merge_all(items: list[Any]) -> dict[str, Any]:
    """Return an object with the members of all items. Raise ValueError if an item is not an object."""
    if not all(type(item) is dict for item in items):
        raise ValueError("every item must be an object")
    return {name: value for item in items for name, value in item.items()}


def _range(start: Any, stop: Any = None, step: Any = 1) -> range:
    """Return the range. A single argument is the end. Raise ValueError for an argument that is not a whole number."""
    if stop is None:
        start, stop = 0, start
    for number in (start, stop, step):
        if number != number // 1:
            raise ValueError("the arguments must be whole numbers")
    return range(int(start), int(stop), int(step))  # a step of 0 raises ValueError


def _bind_range(binding: Binding) -> Callable[..., Any]:
    """Return the implementation of `range` for a call. The implementation counts the numbers as work."""
    charge = binding.charging()

    def numbers(*arguments: Any) -> list[int]:
        found = _range(*arguments)
        charge(len(found) * _NUMBER_STEPS)
        return list(found)

    return numbers


def _flatten(charge: Callable[[int], None], nested: dict[str, Any], separator: str) -> dict[str, Any]:
    """Return the members of all nested objects in one object. Raise ValueError if two members get the same name."""
    flat: dict[str, Any] = {}
    # The function does not recurse, because the message may be nested too deeply for Python's stack. Each entry of
    # `waiting` has the prefix of the names, and the members that are not yet read.
    waiting: list[tuple[str, Iterator[tuple[str, Any]]]] = [("", iter(nested.items()))]
    while waiting:
        prefix, members = waiting[-1]
        for name, value in members:
            if type(value) is dict and value:
                waiting.append((f"{prefix}{name}{separator}", iter(value.items())))
                charge(1 + (len(prefix) + len(name)) // STEP_CHARS)
                break
            path = prefix + name
            if path in flat:
                raise ValueError(f"two members become '{path[:100]}'; choose another separator")
            charge(1 + len(path) // STEP_CHARS)
            flat[path] = value
        else:
            waiting.pop()
    return flat


def _bind_flatten(binding: Binding) -> Callable[..., Any]:
    """Return the implementation of `flatten_object` for a call.

    The implementation counts the new names as work, because new names contain the names of all outer objects and can
    become very long.
    """
    charge = binding.charging()
    return lambda nested, separator: _flatten(charge, nested, separator)


CONVERSIONS: Final[tuple[Function, ...]] = (
    Function(
        "items",
        (Parameter("object", ("object",)),),
        lambda members: [[name, value] for name, value in members.items()],
        "The members of an object as a list of pairs of name and value.",
        (('items(`{"a": 1, "b": 2}`)', [["a", 1], ["b", 2]]),),
        size_factor=2,
    ),
    Function(
        "from_items",
        (Parameter("items", ("array",)),),
        _from_items,
        "An object from a list of pairs of name and value. If a name occurs several times, the last value counts.",
        (('from_items(`[["a", 1], ["b", 2]]`)', {"a": 1, "b": 2}),),
    ),
    Function(
        "zip",
        (Parameter("array", ("array",)),),
        lambda *arrays: [list(row) for row in zip(*arrays, strict=False)],
        "A list with the first elements of all arrays, a list with their second elements, and so on, up to the end of "
        "the shortest array.",
        (("zip([1, 2], ['a', 'b', 'c'])", [[1, "a"], [2, "b"]]),),
        variadic=True,
        size_factor=2,
    ),
)
"""Functions of the JMESPath Community specification."""

LISTS: Final[tuple[Function, ...]] = (
    Function(
        "range",
        tuple(Parameter(name, ("number",)) for name in ("start", "stop", "step")),
        lambda *arguments: list(_range(*arguments)),
        "The list of whole numbers from start up to stop, not including stop. A single argument is stop; start is then "
        "0.",
        (("range(3)", [0, 1, 2]), ("range(10, 0, -5)", [10, 5])),
        optional=2,
        size_factor=_SIZE_FACTOR,
        bind=_bind_range,
        charges=True,
    ),
    Function(
        "flatten_object",
        (Parameter("object", ("object",)), Parameter("separator", ("string",))),
        lambda nested, separator: _flatten(lambda _: None, nested, separator),
        "The members of nested objects as one object. The separator joins their names. Arrays are not changed. If two "
        "members get the same name, this is an error.",
        (
            (
                """flatten_object(`{"motor": {"rpm": 1450, "temp": {"a": 61}}}`, '.')""",
                {"motor.rpm": 1450, "motor.temp.a": 61},
            ),
        ),
        cost=10,
        size_factor=_SIZE_FACTOR,
        bind=_bind_flatten,
        charges=True,
    ),
    Function(
        "merge_all",
        (Parameter("objects", ("array",)),),
        _merge_all,
        "One object with the members of all objects in a list. If a name occurs several times, the last value counts.",
        (('merge_all(`[{"a": 1}, {"b": 2}]`)', {"a": 1, "b": 2}),),
    ),
)
