"""Code generator for multi-select hashes: each of them becomes one Python function without a loop.

A multi-select hash is JMESPath's term for an object of expressions. `{a: payload.x, b: max(payload.y)}` becomes this
function:

    def search(value):
        if value is None:
            return None
        try:
            c0 = value['payload']
            g0 = c0.get
            return {'a': g0('x'), 'b': s1(value)}
        except MISSING_ERRORS:
            return fallback(value)

The source contains the names in the expression as Python literals. If a value on the path to a name is missing or is
not an object, `fallback` computes the result with a loop. A transform with seven fields takes 0.7 µs. With a loop, it
would take 1.3 µs.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.mapping.expressions.selection import MISSING_ERRORS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType

    from bridge.mapping.expressions.functions.function import Search

_SOURCE = """def search(value):
    if value is None:
        return None
    try:
        {}
    except MISSING_ERRORS:
        return fallback(value)
"""


class HashItem(NamedTuple):
    """One `key: expression` of a multi-select hash.

    - `search`: the closure of the expression
    - `names`: the names if the expression is a chain of fields (`a.b.c`), else None
    - `is_constant`: True if the result of `search` is the same for every value
    - `binding`: the number of the variable if the expression is only a bound variable, else None
    """

    key: str
    search: Search
    names: tuple[str, ...] | None
    is_constant: bool
    binding: int | None = None


def multi_select_hash(items: list[HashItem], variables: Sequence[Any] = ()) -> Search:
    """Return a closure for `{a: x, b: y}`.

    The result has its keys in the order of the text. If a key is repeated, its last expression counts. `variables` are
    the current values of variables, by the number of the variable.
    """
    pairs = [(item.key, item.search) for item in items]

    def one_by_one(value: Any) -> Any:
        return None if value is None else {key: search(value) for key, search in pairs}

    # `compile_hash` does not support repeated keys.
    return compile_hash(items, one_by_one, variables) if len(dict(pairs)) == len(pairs) else one_by_one


def compile_hash(items: Sequence[HashItem], fallback: Search, variables: Sequence[Any] = ()) -> Search:
    """Return a faster closure with the same results as `fallback`. No two items may have the same key."""
    containers, getters = dict[tuple[str, ...], str](), list[str]()
    members = []
    for number, item in enumerate(items):
        if item.names:
            # `get` reads the last name, because the last name is most often missing. If another name is missing, the
            # function catches an error and calls `fallback`.
            getter = _getter(item.names[:-1], containers, getters)
            members.append(f"{item.key!r}: {getter}({item.names[-1]!r})")
        elif item.binding is not None:
            members.append(f"{item.key!r}: variables[{item.binding}]")
        else:
            members.append(f"{item.key!r}: s{number}" + ("" if item.is_constant else "(value)"))
    source = _SOURCE.format("\n        ".join([*getters, f"return {{{', '.join(members)}}}"]))
    scope: dict[str, Any] = {"MISSING_ERRORS": MISSING_ERRORS, "fallback": fallback, "variables": variables}
    for number, item in enumerate(items):
        scope[f"s{number}"] = item.search(None) if item.is_constant else item.search
    exec(_code(source), scope)  # noqa: S102  the source contains names from users only as literals
    search: Search = scope["search"]
    return search


@lru_cache(maxsize=1024)
def _code(source: str) -> CodeType:
    """Compile the source.

    Without the cache, this step would take a tenth of the time to load a mapping. The cache helps, because many
    mappings of a site have the same transform.
    """
    return compile(source, "<multi-select hash>", "exec")


def _getter(path: tuple[str, ...], containers: dict[tuple[str, ...], str], lines: list[str]) -> str:
    """Return the variable that contains the `get` method of the object at `path`. Append the assignment to `lines`.

    Items with a common path share the variable. So each object on the path is looked up only once per message.
    """
    container = _container(path, containers, lines)
    getter = f"g{container[1:]}"
    if (line := f"{getter} = {container}.get") not in lines:
        lines.append(line)
    return getter


def _container(path: tuple[str, ...], containers: dict[tuple[str, ...], str], lines: list[str]) -> str:
    """Return the variable that contains the object at `path`. Append the assignment of a new variable to `lines`."""
    if path not in containers:
        if path:
            parent = _container(path[:-1], containers, lines)
            containers[path] = f"c{len(containers)}"
            lines.append(f"{containers[path]} = {parent}[{path[-1]!r}]")
        else:
            containers[path] = f"c{len(containers)}"
            lines.append(f"{containers[path]} = value")
    return containers[path]
