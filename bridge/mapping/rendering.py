"""Rendering of values, records and rejections as text that is safe for a terminal, for `check`, `try` and `diff`."""

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
"""Max characters shown of one value or record."""

SPREAD: Final = "spread"
"""Notation in a test for a record without a partition key."""


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
    """Return a record's partition key in the notation of a test."""
    return SPREAD if draft.key is None else draft.key


def shown_data(mapping: Mapping, data: bytes) -> dict[str, Any]:
    """Return a record's data in the notation of a test.

    The key is `data`, or `data_base64` if the data is neither a value nor text.
    """
    specification = mapping.specification
    made_json = specification.transform is not None
    # With a transform, every record is JSON; without one, it is the payload.
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
    except TypeError:  # an integer beyond 64 bits, which only a test's file can hold
        return printable(repr(value))


def printable(text: str) -> str:
    """Escape characters that a terminal would interpret, because topics and payloads come from outside."""
    return text if text.isprintable() else "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def cut(text: str, limit: int = MAX_CHARS) -> str:
    """Shorten a text to `limit` characters, and append its full length."""
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"
