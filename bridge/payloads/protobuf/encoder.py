"""Encoder of messages, for the tests of mappings. It accepts the values that `value_reader.py` returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf import json_format

from bridge.payloads.protobuf.value_reader import CONVERTED

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor import FieldDescriptor

_GOOGLE = "google.protobuf."


def fill(message: Any, value: Any, where: str = "the payload") -> None:
    """Set the fields of a message. Raise ValueError, with the position `where`, if the value does not fit."""
    descriptor = message.DESCRIPTOR
    if descriptor.full_name.startswith(_GOOGLE) and not _is_plain(descriptor, value):
        _fill_google(message, value, where)
        return
    _check(value, dict, f"an object of {descriptor.full_name}", where)
    for name, item in value.items():
        field = descriptor.fields_by_name.get(name)
        if field is None:
            names = ", ".join(each.name for each in descriptor.fields)
            raise ValueError(f"{where}: {descriptor.full_name} has no field '{name}'; it has {names}")
        _fill_field(message, field, item, f"{where}.{name}")


def _is_plain(descriptor: Any, value: Any) -> bool:
    """Return whether a value of a type of google.protobuf is an object of its fields, as the reader returns it.

    For some of these types, such as Any and FieldMask, the JSON form differs from this object. Both are accepted.
    """
    return (
        descriptor.full_name not in CONVERTED
        and isinstance(value, dict)
        and all(name in descriptor.fields_by_name for name in value)
    )


def _check(value: Any, kind: type, expected: str, where: str) -> None:
    """Raise ValueError, with the position `where`, if the type of the value is not `kind`."""
    if type(value) is not kind:
        raise ValueError(f"{where}: expected {expected}, found {str(value)[:40]}")


def _fill_google(message: Any, value: Any, where: str) -> None:
    """Set the fields of a message of google.protobuf from its JSON form. A Duration may be a number of seconds."""
    try:
        if message.DESCRIPTOR.name == "Duration" and isinstance(value, int | float):
            message.FromNanoseconds(round(value * 1e9))
        elif message.DESCRIPTOR.name == "BytesValue" and isinstance(value, list):
            message.value = bytes(value)
        else:
            json_format.ParseDict(value, message)
    # OverflowError: an infinite duration
    except (json_format.ParseError, AttributeError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{where}: {str(error)[:100]}") from None


def _fill_field(message: Any, field: FieldDescriptor, value: Any, where: str) -> None:
    """Set one field. Raise ValueError."""
    if not field.is_repeated:
        if field.message_type is None:
            _guarded(lambda: setattr(message, field.name, _scalar(field, value)), where)
        else:
            target = getattr(message, field.name)
            # Without this call, a nested message without fields would not be encoded at all.
            target.SetInParent()
            fill(target, value, where)
        return
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        _fill_map(getattr(message, field.name), entry, value, where)
        return
    _check(value, list, "a list", where)
    target = getattr(message, field.name)
    for at, item in enumerate(value):
        place = f"{where}[{at}]"
        if entry is None:
            _guarded(lambda item=item: target.append(_scalar(field, item)), place)
        else:
            fill(target.add(), item, place)


def _fill_map(target: Any, entry: Any, value: Any, where: str) -> None:
    _check(value, dict, "an object", where)
    key_field, value_field = entry.fields_by_name["key"], entry.fields_by_name["value"]
    for name, item in value.items():
        place = f"{where}.{name}"
        key = _guarded(lambda name=name: _key(key_field, name), place)
        if value_field.message_type is None:
            _guarded(lambda key=key, item=item: target.__setitem__(key, _scalar(value_field, item)), place)
        else:
            # The package checks the range of a number here.
            fill(_guarded(lambda key=key: target[key], place), item, place)


def _key(field: FieldDescriptor, name: str) -> Any:
    """Return the key of a map, converted from its text. Raise ValueError."""
    if field.type == field.TYPE_STRING:
        return name
    if field.type != field.TYPE_BOOL:
        return int(name)
    if name not in {"true", "false"}:
        raise ValueError("expected the key true or false")
    return name == "true"


def _scalar(field: FieldDescriptor, value: Any) -> Any:
    """Return a value in the form that the `protobuf` package requires. The package checks the value."""
    if field.type == field.TYPE_BYTES:
        return bytes(list(value))
    if field.enum_type is not None and isinstance(value, str):
        if value not in field.enum_type.values_by_name:
            raise ValueError(f"expected one of {', '.join(field.enum_type.values_by_name)}, found {value[:40]}")
        return field.enum_type.values_by_name[value].number
    return value


def _guarded(action: Callable[..., Any], where: str) -> Any:
    """Call `action`, and return its result. Convert its errors to ValueError with the position `where`."""
    try:
        return action()
    except TypeError:
        raise ValueError(f"{where}: the value is not of the field's type") from None
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{where}: {str(error)[:120]}") from None
