"""`payload: protobuf`: one message. The mapping names the type of the message, because the bytes do not contain it.

For an invalid message, the `protobuf` package reports no position. So this module finds the position of the fault, if
the fault is in the outermost message.

A message of another type can often be decoded too, but its fields are unknown. So a message is rejected if all its
fields are unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.protobuf import message as protobuf
from google.protobuf import unknown_fields

from bridge.errors import DecodeError
from bridge.payloads.json_values import MAX_VALUES
from bridge.payloads.protobuf.encoder import fill
from bridge.payloads.protobuf.value_limit import check_values, counted_fields
from bridge.payloads.protobuf.value_reader import ProtobufBudget, ValueReader

if TYPE_CHECKING:
    from bridge.payloads.protobuf.message_types import MessageTypes

_VARINT, _FIXED64, _LENGTH, _START_GROUP, _END_GROUP, _FIXED32 = range(6)
_WIDTHS: Final = {_FIXED64: 8, _FIXED32: 4}
_MAX_VARINT_BYTES: Final = 10


class ProtobufDecoder:
    """Decoder of one message type."""

    __slots__ = ("_class", "_counted", "_name", "_read")

    def __init__(self, types: MessageTypes, name: str) -> None:
        """Read messages of the type with the full name `name`. Raise SchemaError if there is no such type."""
        descriptor = types.find(name)
        self._name = name
        self._class = types.message_class(descriptor)
        self._counted = counted_fields(descriptor)
        self._read = ValueReader().reader(descriptor)

    def decode(self, payload: bytes) -> Any:
        """Return the message's value. Raise DecodeError."""
        if len(payload) > MAX_VALUES:
            check_values(payload, self._counted)
        try:
            message = self._class.FromString(payload)
        except protobuf.DecodeError:
            raise DecodeError(f"not a {self._name}: {_fault(payload)}") from None
        except RecursionError:
            raise DecodeError(f"not a {self._name}: nested too deeply") from None
        if payload and not self._class.ListFields(message) and len(unknown_fields.UnknownFieldSet(message)):
            raise DecodeError(f"not a {self._name}: it has none of the type's fields; is it of another type?")
        missing = _missing(message)
        if missing:
            raise DecodeError(f"not a {self._name}: the required field {missing} is missing")
        return self._read(message, ProtobufBudget())

    def encode(self, value: Any) -> bytes:
        """Return the value encoded as a message. The tests of mappings use this. Raise ValueError."""
        message = self._class()
        fill(message, value)
        missing = _missing(message)
        if missing:
            raise ValueError(f"the payload: the required field {missing} is missing")
        octets: bytes = self._class.SerializeToString(message)
        return octets


def _missing(message: Any) -> str:
    """Return the names of required fields that are not set, or empty text if all are set."""
    # Call the methods of the class, because a field of the message may have the name of a method.
    methods = type(message)
    return "" if methods.IsInitialized(message) else ", ".join(methods.FindInitializationErrors(message)[:9])[:200]


def _fault(payload: bytes) -> str:
    """Return a description of the fault in the outermost message, with its position."""
    at = 0
    while at < len(payload):
        start = at
        tag, at = _varint(payload, at)
        if at > len(payload):
            return f"a field's number ends too early, at byte {start}"
        kind = tag & 7
        if tag >> 3 == 0 or kind > _FIXED32:
            return f"no field begins with 0x{payload[start]:02x}, at byte {start}"
        size, at = (_WIDTHS.get(kind, 0), at) if kind != _LENGTH else _varint(payload, at)
        if kind == _VARINT:
            _, at = _varint(payload, at)
        at += size
        if at > len(payload):
            return f"the field {tag >> 3} extends beyond the end, at byte {start} of {len(payload)}"
    return "one of its fields is invalid: text that is not UTF-8, or an invalid nested message"


def _varint(payload: bytes, at: int) -> tuple[int, int]:
    """Return a number, and the offset after it.

    If the number is incomplete or too long, the offset is greater than the size of the payload.
    """
    value = 0
    for number in range(_MAX_VARINT_BYTES):
        if at >= len(payload):
            break
        byte = payload[at]
        at += 1
        value |= (byte & 0x7F) << 7 * number
        if byte < 0x80:  # noqa: PLR2004 - the highest bit is set if another byte follows
            return value, at
    return value, len(payload) + 1
