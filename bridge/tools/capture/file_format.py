r"""Capture file: JSON lines (https://jsonlines.org), one message per line, in the order in which they were received.

    {"received_at": "2026-01-31T12:00:00.000Z", "topic": "factory/pdx/line3/press07/telemetry", "qos": 1,
     "retain": false, "properties": {"content_type": "application/json"}, "payload": "{\"t\": 21.5}"}

received_at      time when `capture` received the message: RFC 3339 in UTC, with milliseconds
topic            topic of the message
qos              QoS of the received message: 0, 1 or 2
retain           RETAIN flag of the received message: true or false
properties       MQTT 5 properties, in the form that mapping expressions see; absent if there are none
payload          payload as text; present if the payload is valid UTF-8
payload_base64   payload in base64; present if the payload is not valid UTF-8
total_bytes      size of the complete payload; present if it exceeded mqtt.max_message_bytes, and the line contains only
                 the first part of the payload

Tools such as head, cat and grep can shorten, join and filter capture files. Payloads may be secret, so only the owner
can read the file (mode 0600).
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from bridge.errors import ConfigError, Problem
from bridge.model import Message
from bridge.timestamps import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_LINE_BYTES = 512 * 1024 * 1024
"""Maximum length of a line in bytes. The largest payload of MQTT has 256 MiB, which are 342 MiB in base64."""

_KEYS = frozenset(
    ("received_at", "topic", "qos", "retain", "properties", "payload", "payload_base64", "total_bytes"),
)


class CapturedMessage(NamedTuple):
    """One message of a capture file, and its line number.

    `whole` is false if the file has only the first part of the payload.
    """

    line: int
    message: Message
    whole: bool
    end: int
    """Number of bytes of the file up to the end of this line. A progress bar shows it."""


class _NoMessage(Exception):
    """Error for a line that is not a message. The text of the error is the reason."""


def to_line(message: Message, total_bytes: int) -> bytes:
    """Return the message as a line of a capture file, with its newline."""
    fields: dict[str, Any] = {
        "received_at": rfc3339(message.received_at_ms),
        "topic": message.topic,
        "qos": message.qos,
        "retain": message.retain,
    }
    if message.properties:
        fields["properties"] = message.properties
    try:
        fields["payload"] = message.payload.decode()
    except UnicodeDecodeError:
        fields["payload_base64"] = base64.b64encode(message.payload).decode()
    if total_bytes != len(message.payload):
        fields["total_bytes"] = total_bytes
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


def read_capture(file: Path) -> Iterator[CapturedMessage]:
    """Yield the messages of a capture file, one at a time. Raise ConfigError at the first invalid line."""
    try:
        with file.open("rb") as lines:
            end = 0
            for number, line in enumerate(iter(lambda: lines.readline(MAX_LINE_BYTES), b""), 1):
                end += len(line)
                if not line.isspace():
                    yield _read(file, number, line, end)
    except OSError as error:
        raise ConfigError([Problem(str(file), 0, 0, "", f"cannot be read: {error.strerror}")]) from None


def _read(file: Path, number: int, line: bytes, end: int) -> CapturedMessage:
    try:
        fields = _fields(line)
        message = Message(
            _typed(fields, "topic", str),
            _payload(fields),
            _qos(fields),
            _typed(fields, "retain", bool),
            _milliseconds(fields),
            _typed(fields, "properties", dict) if "properties" in fields else {},
        )
    except _NoMessage as error:
        raise ConfigError([Problem(str(file), number, 1, "", f"not a captured message: {error}")]) from None
    return CapturedMessage(number, message, "total_bytes" not in fields, end)


def _fields(line: bytes) -> dict[str, Any]:
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError:
        torn = "" if line.endswith(b"\n") else "; the last line is incomplete: remove it"
        raise _NoMessage(f"the line is not JSON{torn}") from None
    if not isinstance(fields, dict):
        raise _NoMessage('expected an object such as {"received_at": ..., "topic": ..., "payload": ...}')
    if unknown := fields.keys() - _KEYS:
        raise _NoMessage(f"unknown key '{min(unknown)}'")
    return fields


def _typed(fields: dict[str, Any], key: str, kind: type) -> Any:
    if key not in fields:
        raise _NoMessage(f"'{key}' is missing")
    if not isinstance(fields[key], kind):
        words = {str: "text", bool: "true or false", dict: "an object"}
        raise _NoMessage(f"'{key}': expected {words[kind]}")
    return fields[key]


def _qos(fields: dict[str, Any]) -> int:
    qos = fields.get("qos")
    if isinstance(qos, bool) or qos not in (0, 1, 2):
        raise _NoMessage("'qos': expected 0, 1 or 2")
    return int(qos)


def _payload(fields: dict[str, Any]) -> bytes:
    if ("payload" in fields) == ("payload_base64" in fields):
        raise _NoMessage("expected either 'payload' or 'payload_base64'")
    if "payload" in fields:
        return str(_typed(fields, "payload", str)).encode()
    try:
        return base64.b64decode(_typed(fields, "payload_base64", str), validate=True)
    except binascii.Error:
        raise _NoMessage("'payload_base64': not base64") from None


def _milliseconds(fields: dict[str, Any]) -> int:
    try:
        moment = datetime.fromisoformat(_typed(fields, "received_at", str))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise _NoMessage("'received_at': expected a time with its zone, such as 2026-01-31T12:00:00.000Z")
    return round(moment.timestamp() * 1000)
