"""`if`, which evaluates only one of its branches, and `lookup`, which reads the tables beside the mapping files."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Final

from bridge.mapping.expressions.functions.function import Binding, Function, Parameter, Search

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


_BRANCHES: Final = 2


def truthy(value: Any) -> bool:
    """Return the truth of a value in JMESPath: null, false, '', [] and {} are false; 0 is true."""
    return bool(value) or type(value) is int or type(value) is float


def _if(condition: Any, then: Any, otherwise: Any = None) -> Any:
    """Return `then` or `otherwise`.

    It is never called, because the compiler uses `_lazy_if`, but is required by `Function`.
    """
    return then if truthy(condition) else otherwise


def _null(_: Any) -> None:
    return None


def _lazy_if(arguments: list[Search]) -> Search:
    """Return a closure that evaluates the condition and then only one branch."""
    condition, then = arguments[:2]
    otherwise = arguments[2] if len(arguments) > _BRANCHES else _null
    return lambda value: then(value) if truthy(condition(value)) else otherwise(value)


# Minimum similarity of a proposed name. With a default of 0.6, `min` is proposed for `sin`.
_CUTOFF: Final = 0.75


def nearest(name: str, names: Mapping[str, Any]) -> str:
    """Return the end of an error text about an unknown name: the most similar known name, or "" if none is similar."""
    likely = difflib.get_close_matches(name, names, n=1, cutoff=_CUTOFF)
    return f"; did you mean '{likely[0]}'?" if likely else ""


def _without_tables(*_: Any) -> Any:
    """Raise ValueError. The compiler replaces this placeholder in every expression (`_bind_lookup`)."""
    raise ValueError("there are no tables")


def _bind_lookup(binding: Binding) -> Callable[..., Any]:
    """Return `lookup` with the tables. Raises ValueError for an unknown literal table name."""
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
    """Return the key in the form of a table's file: '7' for both 7 and 7.0."""
    if type(key) is str:
        return key
    # `//` tests for an integer, because `int` would raise an error for infinity.
    return str(int(key)) if key == key // 1 else repr(key)


CHOICE: Final[tuple[Function, ...]] = (
    Function(
        "if",
        (Parameter("condition"), Parameter("then"), Parameter("else")),
        _if,
        "`then` if the condition is true as JMESPath sees it, otherwise `else` (null if left out). Only the branch "
        "taken is evaluated.",
        (("if(`2` > `1`, 'high', 'low')", "high"), ("if(`null`, 'on')", None)),
        optional=1,
        lazy=_lazy_if,
    ),
    Function(
        "lookup",
        (Parameter("table", ("string",)), Parameter("key", ("string", "number")), Parameter("default")),
        _without_tables,
        "The entry of a table (a YAML or CSV file beside the mappings) for a key; the default, or null, if there is "
        "none. A number is looked up as it is written: 7 and 7.0 as '7'.",
        (("lookup('units', 'temperature')", "degC"), ("lookup('units', 'torque', 'Nm')", "Nm")),
        optional=1,
        bind=_bind_lookup,
    ),
)

EXAMPLE_TABLES: Final[Mapping[str, Mapping[str, Any]]] = {"units": {"temperature": "degC", "7": "bar"}}
"""Tables that the examples of `lookup` read."""
