"""Parser that converts the text of a layout to its fields with their offsets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.payloads.layout.field_types import ORDERS, FieldType, field_type

if TYPE_CHECKING:
    from collections.abc import Iterator

REST: Final = "..."
IGNORED: Final = "_"
MAX_FIELDS: Final = 1_000
"""Maximum number of fields in a layout. It limits the memory that a hostile expression can take."""
MAX_BYTES: Final = 1 << 24
"""Maximum number of bytes that a layout describes: 16 MiB, which is more than the largest record."""

_SEPARATORS: Final = re.compile(r"[\s,]+")
_FIELD: Final = re.compile(r"(?:([A-Za-z_][A-Za-z0-9_]*):)?([a-z]+[0-9]*)(?:\[([0-9]{0,8})\])?")


class LayoutError(ValueError):
    """An error in the text of a layout."""


class Field(NamedTuple):
    """One field.

    `name` is None if the field has no name. `repeat` is the number of values in a list, or -1 for all remaining values.
    It is None if the field is not a list.
    """

    name: str | None
    kind: FieldType
    order: str
    repeat: int | None
    offset: int

    @property
    def end(self) -> int:
        """Offset after the field. For a list of all remaining values, the offset where the list begins."""
        return self.offset + self.kind.size * (1 if self.repeat is None else max(self.repeat, 0))


@dataclass(frozen=True, slots=True)
class Layout:
    """A parsed layout.

    `size` is the number of bytes of all fields, without a list of all remaining values. `open` is True if further
    bytes may follow (`...`). `order` is the byte order at the end of the layout. In tlv_items.py, the values of items
    begin with the byte order of the head.
    """

    fields: tuple[Field, ...]
    size: int
    open: bool
    order: str

    @property
    def named(self) -> tuple[Field, ...]:
        """Fields that become members of the result."""
        return tuple(field for field in self.fields if field.name not in {None, IGNORED})


def parse(text: str, order: str = "big") -> Layout:
    """Return the parsed layout. `order` is the byte order at its beginning. Raise LayoutError."""
    fields: list[Field] = []
    offset, ended = 0, False
    for word in _words(text):
        if ended:
            raise LayoutError(f"'{word}' follows after the end: [] and ... must be last")
        if word == REST:
            ended = True
        elif word in ORDERS:
            order = word
        else:
            field = _field(word, order, offset)
            fields.append(field)
            offset = field.end
            ended = field.repeat == -1
        if len(fields) > MAX_FIELDS or offset > MAX_BYTES:
            raise LayoutError(f"the layout has more than {MAX_FIELDS:,} fields or {MAX_BYTES:,} bytes")
    _check_names(fields)
    return Layout(tuple(fields), offset, ended and not (fields and fields[-1].repeat == -1), order)


def _words(text: str) -> Iterator[str]:
    return (word for word in _SEPARATORS.split(text) if word)


def _field(word: str, order: str, offset: int) -> Field:
    """Return the field that a word describes. Raise LayoutError."""
    found = _FIELD.fullmatch(word)
    if found is None:
        raise LayoutError(f"'{word}' is not a field: expected NAME:TYPE, such as temperature:i16 or samples:f32[4]")
    name, type_name, count = found[1], found[2], found[3]
    length = None if count is None else int(count) if count else -1
    kind = field_type(type_name, length)
    if kind is None:
        raise LayoutError(f"unknown type '{type_name}': {_known(type_name)}")
    if kind.sized and (length is None or (length == -1 and type_name == "bcd")):
        raise LayoutError(f"'{word}' needs its number of bytes: {type_name}[8]")
    if kind.size % 2 and kind.size > 1 and order.endswith("_swap") and not kind.characters:
        raise LayoutError(f"'{word}' has {kind.size} bytes; {order} is for fields of whole 16-bit words")
    if length == 0:
        raise LayoutError(f"'{word}' has no elements")
    # For text, bytes and bcd, the number in brackets is the size of one value, and not the number of values.
    counted = length if not kind.sized or length == -1 else None
    return Field(name, kind, order, counted, offset)


def _known(type_name: str) -> str:
    """Return advice for an unknown type: the type that the user probably means, or all types."""
    hints = {"int": "i", "uint": "u", "float": "f", "double": "f", "s": "i"}
    found = re.fullmatch(r"([a-z]+)([0-9]*)", type_name)
    letter = hints.get(found[1]) if found is not None else None
    if letter is not None and found is not None:
        return f"did you mean {letter}{found[2] or {'double': '64'}.get(found[1], '32')}?"
    return "expected u8 to u64, i8 to i64, f16, f32, f64, bool, bcd[N], text[N] or bytes[N]"


def _check_names(fields: list[Field]) -> None:
    """Raise LayoutError if there are no fields, if two fields have the same name, or if a name is missing."""
    if not fields:
        raise LayoutError("the layout has no field; expected fields such as temperature:i16 humidity:u8")
    seen: set[str] = set()
    for field in fields:
        if field.name is None and len(fields) > 1:
            raise LayoutError("each field needs a name if there are several: NAME:TYPE")
        if field.name in seen and field.name != IGNORED:
            raise LayoutError(f"two fields have the name '{field.name}'")
        if field.name is not None:
            seen.add(field.name)
