"""Checks of requests before they are sent to the worker process as jobs."""

from __future__ import annotations

import binascii
from base64 import b64decode
from datetime import UTC, datetime
from typing import Any, Final

from bridge.errors import BridgeError

MAX_MAPPING_CHARS: Final = 200_000
MAX_PAYLOAD_CHARS: Final = 1_000_000
MAX_MESSAGES: Final = 50
"""Maximum number of messages in a request for a preview or a proposal."""
_QOS: Final = (0, 1, 2)
# End of the year 9999, the last time that RFC 3339 can express.
_LAST_MS: Final = 253_402_300_799_999


def trial(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the checked request {mapping, name, topic, payload | payload_base64, qos, retain}. Raise BridgeError."""
    return {**mapping_and_name(asked), **_message(asked)}


def mapping_and_name(asked: dict[str, Any]) -> dict[str, Any]:
    """Return a mapping's text and its name, checked. Raise BridgeError."""
    if not (_text(asked, "mapping") and asked["mapping"] and _text(asked, "name") and asked["name"]):
        raise BridgeError("expected mapping (its text) and name")
    if len(asked["mapping"]) > MAX_MAPPING_CHARS:
        raise BridgeError(f"too large: a mapping has at most {MAX_MAPPING_CHARS:,} characters")
    return {"mapping": asked["mapping"], "name": asked["name"]}


def messages(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the checked messages of a request, at most MAX_MESSAGES, each with a topic. Raise BridgeError."""
    given = asked.get("messages")
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise BridgeError("expected messages: a list of {topic, payload}")
    if len(given) > MAX_MESSAGES:
        raise BridgeError(f"too many: at most {MAX_MESSAGES} messages")
    checked = [_message(each) for each in given]
    if not all(each.get("topic") for each in checked):
        raise BridgeError("expected a topic with each message")
    return checked


def _message(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the checked fields of a message. Raise BridgeError."""
    checked = {name: asked[name] for name in ("topic", "payload", "payload_base64") if _text(asked, name)}
    if max(len(checked.get(name, "")) for name in ("payload", "payload_base64")) > MAX_PAYLOAD_CHARS:
        raise BridgeError(f"too large: a payload has at most {MAX_PAYLOAD_CHARS:,} characters")
    try:
        b64decode(checked.get("payload_base64", ""))
    except (binascii.Error, ValueError):
        raise BridgeError("payload_base64: expected base64") from None
    if "qos" in asked:
        # `type` and not `isinstance`: True is an instance of int.
        if type(asked["qos"]) is not int or asked["qos"] not in _QOS:
            raise BridgeError("qos: expected 0, 1 or 2")
        checked["qos"] = asked["qos"]
    if "retain" in asked:
        if not isinstance(asked["retain"], bool):
            raise BridgeError("retain: expected true or false")
        checked["retain"] = asked["retain"]
    if _text(asked, "at"):
        checked["at_ms"] = _milliseconds(asked["at"])
    return checked


def _milliseconds(at: str) -> int:
    """Return a time such as 2026-01-31T12:00:00.000Z in milliseconds since 1970. Raise BridgeError."""
    try:
        time = datetime.fromisoformat(at)
    except ValueError:
        raise BridgeError("at: expected a time such as 2026-01-31T12:00:00.000Z") from None
    # A time without a zone counts as UTC, because the page shows all times in UTC.
    return min(max(0, round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)), _LAST_MS)


def _text(asked: dict[str, Any], name: str) -> bool:
    """Return whether a request has this field. Raise BridgeError if the field is not text."""
    if name in asked and not isinstance(asked[name], str):
        raise BridgeError(f"{name}: expected text")
    return name in asked
