"""Data in TLV form (type, length, value): items in any order. The length may be missing.

LoRaWAN and BLE sensors and many meters send such data. A layout has one line for the head of all items, and one line
for each kind of item:

    little channel:u8 type:u8        the fields of the head: whole numbers with names
    0x01 0x75 -> battery:u8          if channel is 0x01 and type is 0x75, the value has this layout
    0x03 0x67 -> temperature:i16
    * * -> ...                       * stands for any number; the value of such an item is skipped

Lines may also be separated by `;`. The numbers before `->` are the key. A key has one number for each field of the
head, without `length`. If no line matches the key of an item, the data is rejected.

The field `length` counts the bytes after it: the remaining fields of the head, and the value. If the head has no field
`length`, each layout of a value must have a fixed size. The size of a skipped item is then unknown, so the rest of the
data is skipped too.

The result is a list of objects. Each object has the fields of the head (without `length`) and the fields of the value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from bridge.durations import pluralize
from bridge.payloads.layout.fixed_layout import Unpack, unpacker
from bridge.payloads.layout.parser import REST, Field, Layout, LayoutError, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LENGTH: Final = "length"
_ARROW: Final = "->"
_PARTS: Final = re.compile(r"[;\n]")
_NUMBER: Final = re.compile(r"0x[0-9A-Fa-f]{1,16}|[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class _Case:
    """Layout of the value of one kind of item. `unpack` is None if the value is skipped."""

    keys: tuple[int | None, ...]
    unpack: Unpack | None
    size: int

    def fits(self, keys: tuple[int, ...]) -> bool:
        return all(wanted is None or wanted == found for wanted, found in zip(self.keys, keys, strict=True))


@dataclass(frozen=True, slots=True)
class _Head:
    """The head of every item.

    `counted` is the number of bytes in the head after `length`. It is None if the head has no `length`.
    """

    layout: Layout
    unpack: Unpack
    counted: int | None


@lru_cache(maxsize=256)
def compile_items(text: str) -> Callable[[bytes], list[dict[str, Any]]]:
    """Return a function that converts TLV data with the layout `text` to a list of objects.

    Raise LayoutError if the layout is not valid. The function raises ValueError for data that does not have the layout.
    """
    parts = [part.strip() for part in _PARTS.split(text) if part.strip()]
    if len(parts) < 2:  # noqa: PLR2004 - a head and at least one kind of item
        raise LayoutError("expected the head of an item, and a line KEY -> FIELDS for each kind of item")
    head = _head(parts[0])
    cases = [_case(part, head) for part in parts[1:]]
    # A dict finds the lines without *, which is faster than a loop. Of two lines with the same key, the first is used.
    # A dict stores the last one, so the order is reversed.
    exact = {case.keys: case for case in reversed(cases) if None not in case.keys}
    wild = [case for case in cases if None in case.keys]

    def case_of(keys: tuple[int, ...], at: int) -> _Case:
        found = exact.get(keys) or next((case for case in wild if case.fits(keys)), None)
        if found is None:
            shown = " ".join(f"0x{key:02x}" for key in keys)
            raise ValueError(f"no layout for the item {shown} at byte {at}; `{'* ' * len(keys)}-> ...` skips it")
        return found

    return lambda data: list(_items(data, head, case_of))


def _items(data: bytes, head: _Head, case_of: Callable[[tuple[int, ...], int], _Case]) -> Iterator[dict[str, Any]]:
    """Yield the items. Raise ValueError."""
    at, head_size, counted = 0, head.layout.size, head.counted
    while at < len(data):
        start, at = at, at + head_size
        if at > len(data):
            raise ValueError(f"the item at byte {start} ends early: its head has {pluralize(head_size, 'byte')}")
        item = head.unpack(data[start:at])
        length = None if counted is None else item.pop(LENGTH) - counted
        case = case_of(tuple(item.values()), start)
        size = length if length is not None else len(data) - at if case.unpack is None else case.size
        if size < 0 or at + size > len(data):
            raise ValueError(
                f"the item at byte {start} ends early: its value has {pluralize(size, 'byte')}, found {len(data) - at}"
            )
        if case.unpack is not None:
            yield item | _value(case.unpack, data[at : at + size], start)
        at += size


def _value(unpack: Unpack, data: bytes, start: int) -> dict[str, Any]:
    """Return the fields of an item's value. The text of a ValueError has the position of the item."""
    try:
        value: dict[str, Any] = unpack(data)
    except ValueError as error:
        raise ValueError(f"the item at byte {start}: {error}") from None
    return value


def _head(text: str) -> _Head:
    """Return the head of the items. Raise LayoutError."""
    if _ARROW in text:
        raise LayoutError("the first line is the head of each item, such as `channel:u8 type:u8`")
    layout = parse(text)
    for field in layout.fields:
        if field.name is None or field.repeat is not None or field.kind.code is None or field.kind.code.islower():
            raise LayoutError("the head of an item holds whole numbers with names: u8, u16, u32 or u64")
    lengths = [field for field in layout.fields if field.name == LENGTH]
    if layout.open or len(layout.named) <= len(lengths):
        raise LayoutError("the head of an item needs a key, such as `type:u8 length:u8`")
    counted = layout.size - lengths[0].end if lengths else None
    return _Head(layout, unpacker(layout), counted)


def _case(text: str, head: _Head) -> _Case:
    """Parse one line KEY -> FIELDS. Raise LayoutError."""
    keys_text, arrow, fields_text = text.partition(_ARROW)
    words = keys_text.split()
    names = [field.name for field in head.layout.named if field.name != LENGTH]
    if not arrow or len(words) != len(names):
        raise LayoutError(f"'{text[:60]}': expected {' '.join(map(str, names)).upper()} -> FIELDS")
    keys = tuple(_key(word, text) for word in words)
    if fields_text.strip() == REST:
        return _Case(keys, None, 0)
    layout = parse(fields_text, head.layout.order)
    _check_value(layout, [*names], text, fixed=head.counted is None)
    return _Case(keys, unpacker(layout), layout.size)


def _key(word: str, text: str) -> int | None:
    """Return one number of a key, or None for *. Raise LayoutError."""
    if word == "*":
        return None
    if not _NUMBER.fullmatch(word):
        raise LayoutError(f"'{text[:60]}': '{word}' is not a key: expected a number such as 0x67 or 103, or *")
    return int(word, 0) if word.startswith("0x") else int(word)


def _check_value(layout: Layout, names: list[str | None], text: str, *, fixed: bool) -> None:
    """Raise LayoutError if a field has no name, or has a name of the head. If `fixed` is true, require a fixed size."""
    last: Field = layout.fields[-1]
    if last.name is None:
        raise LayoutError(f"'{text[:60]}': the fields of an item need names: NAME:TYPE")
    if fixed and (layout.open or last.repeat == -1):
        raise LayoutError(f"'{text[:60]}': without a length in the head, the size of each value must be fixed")
    twice = next((field.name for field in layout.named if field.name in names), None)
    if twice is not None:
        raise LayoutError(f"'{text[:60]}': the head has a field '{twice}' too")
