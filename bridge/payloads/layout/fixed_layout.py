"""Data in which each field has a fixed offset. A layout is compiled only once, to a function that reads the data."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Any, TypeAlias

from bridge.durations import pluralize
from bridge.payloads.layout.field_types import big_endian, struct_prefix
from bridge.payloads.layout.parser import IGNORED, Layout, parse

if TYPE_CHECKING:
    from bridge.payloads.layout.parser import Field

Unpack: TypeAlias = Callable[[bytes], Any]


@lru_cache(maxsize=256)
def compile_layout(text: str) -> Unpack:
    """Return a function that reads data of this layout. Raise LayoutError.

    The function returns an object. If the only field has no name, the function returns the value of this field. It
    raises ValueError for data that does not have this layout.
    """
    return unpacker(parse(text))


def unpacker(layout: Layout) -> Unpack:
    """Return a function that reads data of a parsed layout, as `compile_layout` does."""
    check = _checker(layout)
    if layout.fields[0].name is None:
        only = _reader(layout.fields[0])

        def unpack_only(data: bytes) -> Any:
            check(data)
            return only(data)

        return unpack_only
    readers = [(field.name, _reader(field)) for field in layout.fields if field.name != IGNORED]

    def unpack(data: bytes) -> dict[str | None, Any]:
        check(data)
        return {name: read(data) for name, read in readers}

    return unpack


def _checker(layout: Layout) -> Callable[[bytes], None]:
    """Return a function that raises ValueError for data that is too short or too long."""
    size, last = layout.size, layout.fields[-1]
    exact = not layout.open and last.repeat != -1

    def check(data: bytes) -> None:
        found = len(data)
        if found == size or (found > size and not exact):
            return
        if found < size:
            missing = next(field for field in layout.fields if field.end > found)
            raise ValueError(
                f"the layout needs {pluralize(size, 'byte')}, found {found}: "
                f"the field {_shown(missing)} is at byte {missing.offset}"
            )
        raise ValueError(
            f"the layout ends after {pluralize(size, 'byte')}, found {found}; end it with ... to skip the rest"
        )

    return check


def _shown(field: Field) -> str:
    return "without a name" if field.name is None else f"'{field.name}'"


def _reader(field: Field) -> Callable[[bytes], Any]:
    """Return a function that reads the value of a field. The data must be long enough."""
    kind, start, order = field.kind, field.offset, _order(field)
    read, end, sign = kind.read, field.end, struct_prefix(order)
    if field.repeat is not None:
        return _list_reader(field)
    if kind.code is not None and sign is not None:
        # The struct module supports most types, and reads them many times faster than Python code.
        unpack_from = Struct(sign + kind.code).unpack_from
        return lambda data: unpack_from(data, start)[0]
    return lambda data: read(big_endian(data[start:end], order))


def _order(field: Field) -> str:
    """Return the byte order that applies to a field."""
    return "big" if field.kind.characters and field.order != "byte_swap" else field.order


def _list_reader(field: Field) -> Callable[[bytes], Any]:
    """Return a function that reads a list of values, or a text or bytes up to the end of the data."""
    kind, start, order, repeat = field.kind, field.offset, _order(field), field.repeat
    size, read, sign = kind.size, kind.read, struct_prefix(order)
    if kind.sized:
        return lambda data: read(big_endian(data[start:], order))

    def values(data: bytes) -> list[Any]:
        end = len(data) if repeat == -1 else field.end
        if (end - start) % size:
            raise ValueError(f"{end - start} bytes remain for {_shown(field)}, whose elements have {size} bytes each")
        if kind.code is not None and sign is not None:
            return list(Struct(f"{sign}{(end - start) // size}{kind.code}").unpack_from(data, start))
        return [read(big_endian(data[at : at + size], order)) for at in range(start, end, size)]

    return values
