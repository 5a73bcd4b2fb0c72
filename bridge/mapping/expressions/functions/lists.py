"""Functions that convert between lists and objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.mapping.expressions.functions.function import STEP_CHARS, Binding, Function, Parameter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PAIR: Final = 2
# Steps of work that each number of `range` counts, because it will be processed further.
# So a message can have at most 200,000 of them.
_NUMBER_STEPS: Final = 10
# Growth of functions that count the values they create.
# An expression may repeat such a call 64 times, but not 4,096 times.
_GROWTH: Final = 64


def _from_items(items: list[Any]) -> dict[str, Any]:
    """Return an object from pairs of name and value. Raises ValueError for an item that is not such a pair."""
    for item in items:
        if type(item) is not list or len(item) != _PAIR or type(item[0]) is not str:
            raise ValueError("every item must be a list of a name (text) and a value")
    return dict(items)


def _merge_all(items: list[Any]) -> dict[str, Any]:
    """Return the members of all items. Raises ValueError if an item is not an object."""
    if not all(type(item) is dict for item in items):
        raise ValueError("every item must be an object")
    return {name: value for item in items for name, value in item.items()}


def _range(start: Any, stop: Any = None, step: Any = 1) -> range:
    """Return the range; a single argument is its end. Raises ValueError for an argument that is not a whole number."""
    if stop is None:
        start, stop = 0, start
    for number in (start, stop, step):
        if number != number // 1:
            raise ValueError("the arguments must be whole numbers")
    return range(int(start), int(stop), int(step))  # a step of 0 raises ValueError


def _bind_range(binding: Binding) -> Callable[..., Any]:
    """Return `range` with a check that counts the numbers as work before it creates them."""
    charge = binding.charging()

    def numbers(*arguments: Any) -> list[int]:
        found = _range(*arguments)
        charge(len(found) * _NUMBER_STEPS)
        return list(found)

    return numbers


def _flatten(charge: Callable[[int], None], nested: dict[str, Any], separator: str) -> dict[str, Any]:
    """Return the members at all depths. Raises ValueError if two members have the same name."""
    flat: dict[str, Any] = {}
    # A stack of iterators instead of recursion, so that the depth of a message cannot exhaust Python's stack.
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
    """Return `flatten_object` with a count of the new names as work, because they are longer than the old names."""
    charge = binding.charging()
    return lambda nested, separator: _flatten(charge, nested, separator)


CONVERSIONS: Final[tuple[Function, ...]] = (
    Function(
        "items",
        (Parameter("object", ("object",)),),
        lambda members: [[name, value] for name, value in members.items()],
        "The members of an object as a list of pairs: name and value.",
        (('items(`{"a": 1, "b": 2}`)', [["a", 1], ["b", 2]]),),
        growth=2,
    ),
    Function(
        "from_items",
        (Parameter("items", ("array",)),),
        _from_items,
        "The object of a list of pairs, each a name and a value; the last one of a name counts.",
        (('from_items(`[["a", 1], ["b", 2]]`)', {"a": 1, "b": 2}),),
    ),
    Function(
        "zip",
        (Parameter("array", ("array",)),),
        lambda *arrays: [list(row) for row in zip(*arrays, strict=False)],
        "The first elements of all arrays as a list, then the second ones, up to the end of the shortest array.",
        (("zip([1, 2], ['a', 'b', 'c'])", [[1, "a"], [2, "b"]]),),
        variadic=True,
        growth=2,
    ),
)
"""Functions of the JMESPath Community specification."""

LISTS: Final[tuple[Function, ...]] = (
    Function(
        "range",
        tuple(Parameter(name, ("number",)) for name in ("start", "stop", "step")),
        lambda *arguments: list(_range(*arguments)),
        "The whole numbers from start up to stop, without stop, as in a slice. With one argument, from 0 up to it.",
        (("range(3)", [0, 1, 2]), ("range(10, 0, -5)", [10, 5])),
        optional=2,
        growth=_GROWTH,
        bind=_bind_range,
        charges=True,
    ),
    Function(
        "flatten_object",
        (Parameter("object", ("object",)), Parameter("separator", ("string",))),
        lambda nested, separator: _flatten(lambda _: None, nested, separator),
        "The members of nested objects as one flat object; the separator joins their names. Arrays stay as they are. "
        "Two members with the same name are an error.",
        (
            (
                """flatten_object(`{"motor": {"rpm": 1450, "temp": {"a": 61}}}`, '.')""",
                {"motor.rpm": 1450, "motor.temp.a": 61},
            ),
        ),
        cost=10,
        growth=_GROWTH,
        bind=_bind_flatten,
        charges=True,
    ),
    Function(
        "merge_all",
        (Parameter("objects", ("array",)),),
        _merge_all,
        "All members of all objects of a list; the last one of a name counts.",
        (('merge_all(`[{"a": 1}, {"b": 2}]`)', {"a": 1, "b": 2}),),
    ),
)
