"""Payload decoders, one per file. To add one, write its file and add it to DECODERS.

json.py, json_lines.py, text.py, number.py, raw_bytes.py, csv.py, xml.py, line_protocol.py, msgpack.py, cbor.py
avro/, protobuf/    formats that need a schema; schema_files.py: access to their schema files
sparkplug/          Sparkplug B, in which earlier messages declare the names and types of later values
layout/             layouts of binary data, for functions such as `unpack`
compression.py      decompression before decoding: gzip, zlib, deflate, zstd
encodings.py        character encodings of text formats
json_values.py      conversion of values that JSON does not have; float32.py: conversion of 32-bit floats
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from bridge.payloads.cbor import CborDecoder
from bridge.payloads.json import JsonDecoder
from bridge.payloads.json_lines import JsonLinesDecoder
from bridge.payloads.line_protocol import LineProtocolDecoder
from bridge.payloads.msgpack import MsgpackDecoder
from bridge.payloads.number import NumberDecoder
from bridge.payloads.raw_bytes import RawDecoder
from bridge.payloads.text import TextDecoder
from bridge.payloads.xml import XmlDecoder

if TYPE_CHECKING:
    from collections.abc import Mapping


class Decoder(Protocol):
    """Contract of a payload decoder. The ingest thread calls it once for each mapping that matches the message."""

    def decode(self, payload: bytes) -> Any:
        """Return the value that expressions see as `payload`.

        Raise DecodeError if the payload does not have this format.
        """
        ...


DECODERS: Mapping[str, Decoder] = {
    "json": JsonDecoder(),
    "json_lines": JsonLinesDecoder(),
    "text": TextDecoder(),
    "number": NumberDecoder(),
    "bytes": RawDecoder(),
    "msgpack": MsgpackDecoder(),
    "cbor": CborDecoder(),
    "line_protocol": LineProtocolDecoder(),
    "xml": XmlDecoder(),
}
"""Decoders of the formats that need no options, by the value of `payload` in a mapping.

Formats that need options, such as `csv`, are missing: each mapping has its own decoder of such a format. `xml` is here
with its default options.
"""

TEXT_FORMATS: Final = frozenset({"json", "json_lines", "text", "number", "csv", "line_protocol", "xml"})
"""Formats that are text. The option `encoding` applies only to these."""
