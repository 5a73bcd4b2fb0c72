"""Values, records and rejections in words, fit for a terminal: what `check`, `try` and `diff` show."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge.errors import DecodeError
from bridge.mapping.pipeline.decoding import decoder
from bridge.payloads import DECODERS

if TYPE_CHECKING:
    from bridge.mapping.mapping import Mapping
    from bridge.model import NewRecord, Rejection

MAX_CHARS: Final = 4_000
"""Shown of one value or record."""

SPREAD: Final = "spread"
"""How a test writes a record without a partition key."""


def record_line(mapping: Mapping, draft: NewRecord, limit: int = MAX_CHARS) -> str:
    """`factory-telemetry, key 'press07', 68 bytes: {...}`."""
    stream = mapping.outputs[draft.output].data_stream
    key = "spread over all shards" if draft.key is None else f"key '{draft.key}'"
    data = cut(draft.data.decode(errors="backslashreplace"), limit)
    return printable(f"{stream}, {key}, {len(draft.data)} bytes: {data}")


def rejection_line(mapping: Mapping, rejection: Rejection) -> str:
    """`decode: not JSON: ... (nothing for factory-telemetry, item 2)`."""
    streams = ", ".join(mapping.outputs[number].data_stream for number in rejection.outputs)
    item = "" if rejection.item is None else f", item {rejection.item}"
    return printable(f"{rejection.code}: {rejection.detail} (nothing for {streams}{item})")


def shown_key(draft: NewRecord) -> str:
    """A record's partition key as a test writes it."""
    return SPREAD if draft.key is None else draft.key


def shown_data(mapping: Mapping, data: bytes) -> dict[str, Any]:
    """A record's data as a test writes it: `data`, or what is no value and no text as `data_base64`."""
    specification = mapping.specification
    made_json = specification.transform is not None
    as_text = not made_json and specification.payload in {"text", "bytes"}
    read = DECODERS["json"].decode if made_json else DECODERS["text"].decode if as_text else decoder(specification)
    try:
        return {"data": read(data)}
    except DecodeError:
        return {"data_base64": base64.b64encode(data).decode()}


def written(value: Any) -> str:
    """A value as compact JSON."""
    try:
        return printable(orjson.dumps(value).decode())
    except TypeError:  # an integer beyond 64 bits, which stands in a test's file only
        return printable(repr(value))


def printable(text: str) -> str:
    """Escape what a terminal would act upon: topics and payloads come from outside."""
    return text if text.isprintable() else "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def cut(text: str, limit: int = MAX_CHARS) -> str:
    """The beginning of a long text, and how long it is."""
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"
