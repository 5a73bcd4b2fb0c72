"""The functions `if` and `lookup`.

`if` evaluates only one of its branches. `lookup` reads the tables beside the mapping files.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Final

from bridge.mapping.expressions.functions.function import Binding, Function, Parameter, Search

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


# Number of arguments of `if` without an `else`.
_BRANCHES: Final = 2


def truthy(value: Any) -> bool:
    """Return whether a value counts as true in JMESPath. null, false, '', [] and {} are false. 0 is true."""
    return bool(value) or type(value) is int or type(value) is float


def _if(condition: Any, then: Any, otherwise: Any = None) -> Any:
    """Return `then` or `otherwise`.

    `Function` requires an implementation. The compiler never calls this implementation: it uses `_lazy_if`.
    """
    return then if truthy(condition) else otherwise


def _null(_: Any) -> None:
    return None


def _lazy_if(arguments: list[Search]) -> Search:
    """Return a closure that evaluates the condition and then only one branch."""
    condition, then = arguments[:2]
    otherwise = arguments[2] if len(arguments) > _BRANCHES else _null
    return lambda value: then(value) if truthy(condition(value)) else otherwise(value)


# Minimum similarity (0 to 1) of a name that an error proposes. With difflib's default of 0.6, an error about `sin`
# would propose `min`.
_CUTOFF: Final = 0.75


def nearest(name: str, names: Mapping[str, Any]) -> str:
    """Return text that proposes the most similar known name, for an error. Return "" if no name is similar enough."""
    likely = difflib.get_close_matches(name, names, n=1, cutoff=_CUTOFF)
    return f"; did you mean '{likely[0]}'?" if likely else ""


def _without_tables(*_: Any) -> Any:
    """Raise ValueError.

    `Function` requires an implementation. The compiler never calls this implementation: it uses `_bind_lookup`.
    """
    raise ValueError("there are no tables")


def _bind_lookup(binding: Binding) -> Callable[..., Any]:
    """Return the implementation of `lookup` for a call. Raise ValueError if a literal table name is unknown."""
    tables, name = binding.tables, binding.literal(0)
    if type(name) is str:
        table = _table(tables, name)
        return lambda _, key, default=None: table.get(_written(key), default)
    return lambda name, key, default=None: _table(tables, name).get(_written(key), default)


def _table(tables: Mapping[str, Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    try:
        return tables[name]
    except KeyError:
        raise ValueError(f"there is no table '{name[:40]}'{nearest(name, tables)}") from None


def _written(key: Any) -> str:
    """Return a key as the text that a table contains: '7' for both 7 and 7.0."""
    if type(key) is str:
        return key
    # Compare with `//` and not with `int`, because `int` raises an error for infinity.
    return str(int(key)) if key == key // 1 else repr(key)


CHOICE: Final[tuple[Function, ...]] = (
    Function(
        "if",
        (Parameter("condition"), Parameter("then"), Parameter("else")),
        _if,
        "`then` if the condition is true, otherwise `else` (default null). false, null, empty text, [] and {} count as "
        "false. Only the returned argument is evaluated.",
        (("if(`2` > `1`, 'high', 'low')", "high"), ("if(`null`, 'on')", None)),
        optional=1,
        lazy=_lazy_if,
    ),
    Function(
        "lookup",
        (Parameter("table", ("string",)), Parameter("key", ("string", "number")), Parameter("default")),
        _without_tables,
        "The value for a key in a table, which is a YAML or CSV file in the folder tables/. If the table does not have "
        "the key, the result is the default, or null. A number is converted to text: both 7 and 7.0 become '7'.",
        (("lookup('units', 'temperature')", "degC"), ("lookup('units', 'torque', 'Nm')", "Nm")),
        optional=1,
        bind=_bind_lookup,
    ),
)

EXAMPLE_TABLES: Final[Mapping[str, Mapping[str, Any]]] = {"units": {"temperature": "degC", "7": "bar"}}
"""Tables that the examples of `lookup` read."""
