"""Parser for the MQTT 5 properties of a PUBLISH. Expressions of mappings can use the result.

Identifiers and types: https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901029
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from bridge.mqtt.packet_stream import ProtocolViolation

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_PROPERTY_BYTES = 1024 * 1024
MAX_PROPERTIES = 10_000
"""Maximum size and number of the properties of a message. A user property of 5 bytes needs 200 bytes of memory."""
# Maximum number of bytes in a Variable Byte Integer (MQTT 5, section 1.5.5).
_MAX_INTEGER_BYTES = 4
_TEXT = {0x03: "content_type", 0x08: "response_topic"}
_INTEGERS = {0x01: ("payload_format_indicator", 1), 0x02: ("message_expiry_interval", 4)}
_CORRELATION_DATA, _SUBSCRIPTION_IDENTIFIER, _TOPIC_ALIAS, _USER_PROPERTY = 0x09, 0x0B, 0x23, 0x26


def parse_properties(data: bytes) -> dict[str, Any]:
    """Return a dict of the properties. Names are for example `content_type` and `user_properties`.

    Binary values become base64.

    `user_properties` is a dict of names and values, in the order of the packet. If a name occurs several times, its
    value is a list (MQTT 5, section 3.3.2.3.7). Raises ProtocolViolation for a topic alias (the bridge permits no
    aliases), an unknown identifier, or a length beyond the end.
    """
    found: dict[str, Any] = {}
    for identifier, value in _entries(data):
        if identifier in _TEXT:
            found[_TEXT[identifier]] = value
        elif identifier in _INTEGERS:
            found[_INTEGERS[identifier][0]] = value
        elif identifier == _USER_PROPERTY:
            _add(found.setdefault("user_properties", {}), *value)
        elif identifier == _CORRELATION_DATA:
            # Encode the value, because JSON has no type for bytes.
            found["correlation_data"] = base64.b64encode(value).decode()
        elif identifier == _TOPIC_ALIAS:
            raise ProtocolViolation("a topic alias that was not allowed in a PUBLISH")
    return found


def subscription_identifiers(data: bytes) -> list[int]:
    """Return the identifiers of the subscriptions that the message matches.

    Return [] for malformed properties.
    """
    try:
        return [value for identifier, value in _entries(data) if identifier == _SUBSCRIPTION_IDENTIFIER]
    # Without identifiers, the message is mapped by its topic.
    except ProtocolViolation:
        return []


def _add(user_properties: dict[str, Any], name: str, value: str) -> None:
    earlier = user_properties.get(name)
    if earlier is None:
        user_properties[name] = value
    elif isinstance(earlier, list):
        earlier.append(value)
    else:
        user_properties[name] = [earlier, value]


def _entries(data: bytes) -> Iterator[tuple[int, Any]]:
    """Yield the identifier and the value of each property. Raises ProtocolViolation."""
    if len(data) > MAX_PROPERTY_BYTES:
        raise ProtocolViolation(f"{len(data):,} bytes of properties, more than {MAX_PROPERTY_BYTES:,}")
    at = number = 0
    while at < len(data):
        number += 1
        if number > MAX_PROPERTIES:
            raise ProtocolViolation(f"more than {MAX_PROPERTIES:,} properties")
        identifier, at = data[at], at + 1
        value: Any
        if identifier in _TEXT:
            value, at = _text(data, at)
        elif identifier in _INTEGERS:
            size = _INTEGERS[identifier][1]
            value, at = int.from_bytes(_slice(data, at, size)), at + size
        elif identifier == _USER_PROPERTY:
            name, at = _text(data, at)
            text, at = _text(data, at)
            value = name, text
        elif identifier == _CORRELATION_DATA:
            value, at = _binary(data, at)
        elif identifier == _SUBSCRIPTION_IDENTIFIER:
            value, at = _variable_byte_integer(data, at)
        elif identifier == _TOPIC_ALIAS:
            value, at = int.from_bytes(_slice(data, at, 2)), at + 2
        else:
            raise ProtocolViolation(f"property {identifier:#04x} in a PUBLISH")
        yield identifier, value


def _slice(data: bytes, at: int, size: int) -> bytes:
    if at + size > len(data):
        raise ProtocolViolation("a property longer than its packet")
    return data[at : at + size]


def _binary(data: bytes, at: int) -> tuple[bytes, int]:
    size = int.from_bytes(_slice(data, at, 2))
    return _slice(data, at + 2, size), at + 2 + size


def _text(data: bytes, at: int) -> tuple[str, int]:
    raw, at = _binary(data, at)
    # A broker must send UTF-8. If a byte is invalid, replace it by U+FFFD instead of rejecting the message.
    return raw.decode("utf-8", "replace"), at


def _variable_byte_integer(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    # Without a limit, one megabyte of 0xFF would become a number of 7 million bits, which would take very long.
    for shift in range(0, 7 * _MAX_INTEGER_BYTES, 7):
        byte, at = _slice(data, at, 1)[0], at + 1
        value |= (byte & 127) << shift
        if byte < 128:  # noqa: PLR2004  the highest bit is set if another byte follows
            return value, at
    raise ProtocolViolation("an integer of more than four bytes")


def readable(raw: bytes) -> dict[str, Any]:
    """Return the properties, or {"unreadable": reason} if they are malformed.

    A message with malformed properties is still mapped, because its topic and payload are complete.
    """
    try:
        return parse_properties(raw)
    except ProtocolViolation as error:
        return {"unreadable": str(error)}
