"""Text of values, records and rejections for the commands `check`, `try` and `diff`.

Control characters are escaped, because a terminal would interpret them.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge.durations import pluralize
from bridge.errors import DecodeError
from bridge.payloads import DECODERS

if TYPE_CHECKING:
    from bridge.mapping.mapping import Mapping
    from bridge.model import NewRecord, Rejection

MAX_CHARS: Final = 4_000
"""Maximum number of characters that a text shows of one value or record."""

SPREAD: Final = "spread"
"""Text for a missing partition key: in a test, `partition_key: spread` expects a record without a key."""


def record_line(mapping: Mapping, draft: NewRecord, limit: int = MAX_CHARS) -> str:
    """Return a line such as `factory-telemetry, key 'press07', 68 bytes: {...}`."""
    stream = mapping.outputs[draft.output].data_stream
    key = "spread over all shards" if draft.key is None else f"key '{draft.key}'"
    data = cut(draft.data.decode(errors="backslashreplace"), limit)
    return printable(f"{stream}, {key}, {pluralize(len(draft.data), 'byte')}: {data}")


def rejection_line(mapping: Mapping, rejection: Rejection) -> str:
    """Return a line such as `decode: not JSON: ... (nothing for factory-telemetry, item 2)`."""
    streams = ", ".join(mapping.outputs[number].data_stream for number in rejection.outputs)
    item = "" if rejection.item is None else f", item {rejection.item}"
    return printable(f"{rejection.code}: {rejection.detail} (nothing for {streams}{item})")


def shown_key(draft: NewRecord) -> str:
    """Return the partition key of a record as it is written in a test, or `spread` for a record without a key."""
    return SPREAD if draft.key is None else draft.key


def shown_data(mapping: Mapping, data: bytes) -> dict[str, Any]:
    """Return the data of a record as it is written in a test: `{"data": value}`.

    For data that cannot be decoded, return `{"data_base64": text}`.
    """
    specification = mapping.specification
    # With a transform, every record is JSON. Without a transform, the record is the unchanged payload.
    made_json = specification.transform is not None
    as_text = not made_json and specification.payload in {"text", "bytes"}
    read = DECODERS["json"].decode if made_json else DECODERS["text"].decode if as_text else mapping.parts.codec.decode
    try:
        return {"data": read(data)}
    except DecodeError:
        return {"data_base64": base64.b64encode(data).decode()}


def written(value: Any) -> str:
    """Return a value as compact JSON."""
    try:
        return printable(orjson.dumps(value).decode())
    except TypeError:  # an integer of more than 64 bits, which only a test in a mapping file can contain
        return printable(repr(value))


def printable(text: str) -> str:
    """Escape the unprintable characters of a text, because a terminal would interpret them.

    Topics and payloads come from other systems and can contain any character.
    """
    return text if text.isprintable() else "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def cut(text: str, limit: int = MAX_CHARS) -> str:
    """Cut a text after `limit` characters, and append its full length. Return a shorter text unchanged."""
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"
