"""Encoder of Sparkplug B payloads, for the tests of mappings and for rebirth requests.

It encodes values of the form {timestamp, seq, metrics: [{name, alias, type, value}]}. The value of a metric must be a
number, a boolean or a text. For all other payloads, tests use `payload_base64`. A metric may omit `type`, because edge
nodes omit it after the birth. The type of the value then determines the encoding.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from bridge.payloads.sparkplug.datatypes import DATATYPES
from bridge.varint import encode_varint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_INTEGERS_32: Final = frozenset(("Int8", "Int16", "Int32", "UInt8", "UInt16", "UInt32"))
_INTEGERS_64: Final = frozenset(("Int64", "UInt64", "DateTime"))
_TEXTS: Final = frozenset(("String", "Text", "UUID"))
_PAYLOAD: Final = frozenset(("timestamp", "seq", "metrics"))
_METRIC: Final = frozenset(("name", "alias", "timestamp", "type", "value"))


def encode(payload: Any) -> bytes:
    """Return the payload as bytes. Raise ValueError for a value of another form."""
    fields = _known("a payload of Sparkplug B", payload, _PAYLOAD)
    metrics = fields.get("metrics", [])
    if not isinstance(metrics, list):
        expected = "a list, such as [{name: Load, type: Double, value: 0.5}]"
        raise ValueError(f"`metrics` is {expected}; found {metrics!r}")  # noqa: TRY004  callers expect ValueError
    parts = [_integer(1, fields["timestamp"])] if "timestamp" in fields else []
    parts += [_block(2, _metric(metric)) for metric in metrics]
    return b"".join([*parts, *([_integer(3, fields["seq"])] if "seq" in fields else [])])


def _metric(metric: Any) -> bytes:
    """Return the bytes of a metric. Raise ValueError."""
    fields = _known("a metric", metric, _METRIC)
    datatype, value = fields.get("type"), fields.get("value")
    if datatype is not None and datatype not in DATATYPES:
        raise ValueError(f"'{datatype}' is not a datatype of Sparkplug B, such as Double, Int32, Boolean or String")
    parts = [_block(1, str(fields["name"]).encode())] if "name" in fields else []
    parts += [_integer(number, fields[name]) for number, name in ((2, "alias"), (3, "timestamp")) if name in fields]
    if datatype is not None:
        parts.append(_integer(4, DATATYPES.index(datatype)))
    return b"".join([*parts, _integer(7, 1) if value is None else _value(datatype, value)])


def _value(datatype: str | None, value: Any) -> bytes:
    """Return the bytes of the field with the value. Raise ValueError if the value does not fit the datatype."""
    kind = datatype or _kind(value)
    try:
        return _encoder(kind)(value)
    except (struct.error, TypeError, AttributeError, OverflowError):
        raise ValueError(f"{value!r} is not a value of datatype {kind}") from None


def _kind(value: Any) -> str:
    """Return the datatype for the value of a metric without `type`. Raise ValueError for a list, an object or null."""
    kinds: Mapping[type, str] = {bool: "Boolean", int: "Int64", float: "Double", str: "String"}
    if type(value) not in kinds:
        raise ValueError(f"{value!r}: a metric's value in a test is a number, a boolean or text")
    return kinds[type(value)]


def _encoder(kind: str) -> Callable[[Any], bytes]:
    """Return the encoder of a datatype. Raise ValueError if the datatype is not supported."""
    if kind in _INTEGERS_32:
        # Negative integers are sent as two's complement in an unsigned field.
        return lambda value: _integer(10, value & 0xFFFFFFFF)
    if kind in _INTEGERS_64:
        return lambda value: _integer(11, value & 0xFFFFFFFFFFFFFFFF)
    if kind in _TEXTS:
        return lambda value: _block(15, value.encode())
    scalars: dict[str, Callable[[Any], bytes]] = {
        "Float": lambda value: _tag(12, 5) + struct.pack("<f", value),
        "Double": lambda value: _tag(13, 1) + struct.pack("<d", value),
        "Boolean": lambda value: _integer(14, int(value)),
    }
    if kind not in scalars:
        raise ValueError(f"to test a metric of datatype {kind}, use `payload_base64`")
    return scalars[kind]


def _known(what: str, value: Any, names: frozenset[str]) -> dict[str, Any]:
    """Return the value unchanged. Raise ValueError if it is not an object, or has a key that is not in `names`."""
    if not isinstance(value, dict):
        raise ValueError(f"{what} is keys and values ({', '.join(sorted(names))}); found {value!r}")  # noqa: TRY004  callers expect ValueError
    unknown = ", ".join(sorted(map(str, value.keys() - names)))
    if unknown:
        raise ValueError(f"{what} has no {unknown}; it has {', '.join(sorted(names))}")
    return value


def _integer(number: int, value: Any) -> bytes:
    """Return a varint field. Raise ValueError if the value is not an unsigned integer of 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 64:
        raise ValueError(f"{value!r} is not a whole number from 0 to 2^64 - 1")
    return _tag(number, 0) + encode_varint(value)


def _block(number: int, data: bytes) -> bytes:
    """Return a length-delimited field."""
    return _tag(number, 2) + encode_varint(len(data)) + data


def _tag(number: int, wire_type: int) -> bytes:
    """Return the tag of a field: the field number and the wire type. The field's value follows the tag."""
    return encode_varint(number << 3 | wire_type)
