"""Conversion of messages to values. Each message type is compiled once to functions for its fields.

- Names are those of the `.proto` file.
- A field that was not sent has its default value, because senders omit a 0. A field that tracks presence, such as an
  `optional` field, is absent instead, and expressions see null.
- Integers are exact. A 32-bit float becomes the shortest number that rounds to it. NaN and the infinities become null.
  Bytes become a list of integers from 0 to 255. An enum value becomes its name, or its number if the schema has no name
  for it.
- A map becomes an object. Its keys become text: integers in decimal, booleans `true` and `false`.
- Of the types of google.protobuf, a Timestamp becomes RFC 3339 text, a Duration becomes a number of seconds, and a
  wrapper becomes its value. Struct, Value and ListValue become the JSON values that they contain.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from google.protobuf.descriptor import FieldDescriptor

from bridge.errors import DecodeError
from bridge.payloads.float32 import shortest_float32
from bridge.payloads.json_values import MAX_VALUES

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

Convert: TypeAlias = Callable[[Any, "ProtobufBudget"], Any]
"""Function that converts a value of the `protobuf` package to the value that expressions see."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NANOS: Final = 10**9
_pack_float: Final = Struct("<f").pack
_WRAPPERS: Final = frozenset(
    f"google.protobuf.{name}Value"
    for name in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
)


class ProtobufBudget:
    """Number of further values that may be read in one message."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values = MAX_VALUES

    def take(self, values: int) -> None:
        """Subtract `values` from the budget. Raise DecodeError if the message has more than MAX_VALUES values."""
        self.values -= values
        if self.values < 0:
            raise DecodeError(f"not usable: the message holds more than {MAX_VALUES:,} values")


class ValueReader:
    """Reader of the messages of one descriptor pool.

    Only one thread at a time may call `reader`. Several threads may call the functions that it returns.
    """

    def __init__(self) -> None:
        self._readers: dict[str, Convert] = {}

    def reader(self, descriptor: Descriptor) -> Convert:
        """Return the function that converts messages of a type."""
        name = descriptor.full_name
        found = self._readers.get(name)
        if found is None:
            # A type may contain itself. So while a type is compiled, its entry in `_readers` is a function that looks
            # up the compiled function when a message arrives.
            self._readers[name] = self._later(name)
            found = self._readers[name] = self._compiled(descriptor)
        return found

    def _later(self, name: str) -> Convert:
        readers = self._readers

        def read(message: Any, budget: ProtobufBudget) -> Any:
            return readers[name](message, budget)

        return read

    def _compiled(self, descriptor: Descriptor) -> Convert:
        special = _SPECIAL.get(descriptor.full_name)
        if special is not None:
            return special
        if descriptor.full_name in _WRAPPERS:
            convert = self._scalar(descriptor.fields_by_name["value"])
            return lambda message, budget: message.value if convert is None else convert(message.value, budget)
        return _message([(field.name, *self._field(field)) for field in descriptor.fields])

    def _field(self, field: FieldDescriptor) -> tuple[bool, Convert | None]:
        """Return whether a field tracks presence, and the function that converts its value (None: unchanged)."""
        if not field.is_repeated:
            return field.has_presence, self._scalar(field)
        entry = field.message_type
        if entry is not None and entry.GetOptions().map_entry:
            return False, _map(self._scalar(entry.fields_by_name["value"]))
        return False, _list(self._scalar(field))

    def _scalar(self, field: FieldDescriptor) -> Convert | None:
        """Return the function that converts one value of a field, or None if the value is unchanged."""
        if field.message_type is not None:
            return self.reader(field.message_type)
        if field.enum_type is not None:
            # If several names have the same number, the first one is used.
            names = {value.number: value.name for value in reversed(field.enum_type.values)}
            return lambda number, _budget: names.get(number, number)
        return _SCALARS.get(field.type)


def _message(fields: list[tuple[str, bool, Convert | None]]) -> Convert:
    size = len(fields) + 1

    def read(message: Any, budget: ProtobufBudget) -> dict[str, Any]:
        budget.take(size)
        value: dict[str, Any] = {}
        has_field = type(message).HasField  # `message.HasField` would be a field of this name
        for name, presence, convert in fields:
            if presence and not has_field(message, name):
                continue
            found = getattr(message, name)
            value[name] = found if convert is None else convert(found, budget)
        return value

    return read


def _list(convert: Convert | None) -> Convert:
    def read(values: Any, budget: ProtobufBudget) -> list[Any]:
        budget.take(len(values))
        return list(values) if convert is None else [convert(value, budget) for value in values]

    return read


def _map(convert: Convert | None) -> Convert:
    def read(values: Any, budget: ProtobufBudget) -> dict[str, Any]:
        budget.take(len(values))
        return {_key(key): value if convert is None else convert(value, budget) for key, value in values.items()}

    return read


def _key(key: Any) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    return str(key)


def _float(value: float, _budget: ProtobufBudget) -> float | None:
    return shortest_float32(_pack_float(value)) if math.isfinite(value) else None


def _double(value: float, _budget: ProtobufBudget) -> float | None:
    return value if math.isfinite(value) else None


def _bytes(value: bytes, budget: ProtobufBudget) -> list[int]:
    budget.take(len(value))
    return list(value)


def _timestamp(message: Any, _budget: ProtobufBudget) -> str:
    """Return a Timestamp as RFC 3339 text. Raise DecodeError outside the years 1 to 9999."""
    try:
        text = (_EPOCH + timedelta(seconds=message.seconds)).isoformat()[:19]
    except OverflowError:
        raise DecodeError("not usable: the message holds a time outside the years 1 to 9999") from None
    if not 0 <= message.nanos < _NANOS:
        raise DecodeError(f"not usable: the message holds a time with {message.nanos} nanoseconds")
    fraction = f"{message.nanos:09d}".rstrip("0")
    return f"{text}.{fraction}Z" if fraction else f"{text}Z"


def _duration(message: Any, _budget: ProtobufBudget) -> float:
    seconds: int = message.seconds
    return seconds if message.nanos == 0 else seconds + message.nanos / _NANOS


def _struct(message: Any, budget: ProtobufBudget) -> dict[str, Any]:
    budget.take(len(message.fields))
    return {key: _value(value, budget) for key, value in message.fields.items()}


def _value(message: Any, budget: ProtobufBudget) -> Any:
    kind = message.WhichOneof("kind")
    if kind == "struct_value":
        return _struct(message.struct_value, budget)
    if kind == "list_value":
        return _values(message.list_value, budget)
    if kind in {None, "null_value"}:
        return None
    return _double(message.number_value, budget) if kind == "number_value" else getattr(message, kind)


def _values(message: Any, budget: ProtobufBudget) -> list[Any]:
    budget.take(len(message.values))
    return [_value(value, budget) for value in message.values]


_SPECIAL: Final[dict[str, Convert]] = {
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.Duration": _duration,
    "google.protobuf.Struct": _struct,
    "google.protobuf.Value": _value,
    "google.protobuf.ListValue": _values,
}
CONVERTED: Final = frozenset({*_SPECIAL, *_WRAPPERS})
"""Full names of the types that do not become an object of their fields."""
_SCALARS: Final[dict[int, Convert]] = {
    FieldDescriptor.TYPE_FLOAT: _float,
    FieldDescriptor.TYPE_DOUBLE: _double,
    FieldDescriptor.TYPE_BYTES: _bytes,
}
