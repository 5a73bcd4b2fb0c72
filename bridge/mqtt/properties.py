"""Parser for the MQTT 5 properties of a PUBLISH. The result is a dict for mapping expressions.

Identifiers and types: https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901029
"""

from __future__ import annotations

import base64
from typing import Any

from bridge.mqtt.packet_stream import ProtocolViolation

_TEXT = {0x03: "content_type", 0x08: "response_topic"}
_INTEGERS = {0x01: ("payload_format_indicator", 1), 0x02: ("message_expiry_interval", 4)}
_CORRELATION_DATA, _SUBSCRIPTION_IDENTIFIER, _TOPIC_ALIAS, _USER_PROPERTY = 0x09, 0x0B, 0x23, 0x26


def parse_properties(data: bytes) -> dict[str, Any]:
    """Return the properties by name: `content_type`, `user_properties` and so on; binary values as base64.

    `user_properties` is a dict of names and values; of equal names the last one wins. Raises ProtocolViolation for data
    that a broker may not send: a topic alias (the bridge permits none), an unknown identifier, a length beyond the end.
    """
    found: dict[str, Any] = {}
    at = 0
    while at < len(data):
        identifier = data[at]
        at += 1
        if identifier in _TEXT:
            found[_TEXT[identifier]], at = _text(data, at)
        elif identifier in _INTEGERS:
            name, size = _INTEGERS[identifier]
            found[name], at = int.from_bytes(_slice(data, at, size)), at + size
        elif identifier == _USER_PROPERTY:
            name, at = _text(data, at)
            value, at = _text(data, at)
            # A name may occur several times: the last value wins.
            found.setdefault("user_properties", {})[name] = value
        elif identifier == _CORRELATION_DATA:
            raw, at = _binary(data, at)
            found["correlation_data"] = base64.b64encode(raw).decode()
        elif identifier == _SUBSCRIPTION_IDENTIFIER:
            # Skipped: the bridge sets no subscription identifiers.
            at = _after_variable_byte_integer(data, at)
        else:
            what = "a topic alias that was not allowed" if identifier == _TOPIC_ALIAS else f"property {identifier:#04x}"
            raise ProtocolViolation(f"{what} in a PUBLISH")
    return found


def _slice(data: bytes, at: int, size: int) -> bytes:
    if at + size > len(data):
        raise ProtocolViolation("a property longer than its packet")
    return data[at : at + size]


def _binary(data: bytes, at: int) -> tuple[bytes, int]:
    size = int.from_bytes(_slice(data, at, 2))
    return _slice(data, at + 2, size), at + 2 + size


def _text(data: bytes, at: int) -> tuple[str, int]:
    raw, at = _binary(data, at)
    return raw.decode("utf-8", "replace"), at


def _after_variable_byte_integer(data: bytes, at: int) -> int:
    while at < len(data) and data[at] & 128:
        at += 1
    _slice(data, at, 1)
    return at + 1


def readable(raw: bytes) -> dict[str, Any]:
    """Return the properties, or {"unreadable": reason} if they are malformed.

    The message itself is complete, so it is not rejected; the reason makes the missing properties visible.
    """
    try:
        return parse_properties(raw)
    except ProtocolViolation as error:
        return {"unreadable": str(error)}
