"""Payload decoders, one per file. To add one, write its file and add it to DECODERS.

json.py, json_lines.py, text.py, number.py, raw_bytes.py, csv.py, xml.py, line_protocol.py, msgpack.py, cbor.py
avro/, protobuf/    formats that need a schema; schema_files.py: their schema files
sparkplug/          Sparkplug B, which needs earlier messages
layout/             bytes by a layout, for the functions `unpack` and others
compression.py      before decoding: gzip, zlib, deflate, zstd
encodings.py        before decoding: character encodings
json_values.py      values that JSON does not have; float32.py: 32-bit floats
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
    """Contract of a payload decoder. The ingest thread calls it, once per mapping that matches the message."""

    def decode(self, payload: bytes) -> Any:
        """Return the value that expressions see as `payload`.

        Raise DecodeError if the payload is not of this format.
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
"""Decoders by the value of a mapping's `payload`.

`csv` is missing: each mapping has its own, made from its options. That of `xml` has the default options.
"""

TEXT_FORMATS: Final = frozenset({"json", "json_lines", "text", "number", "csv", "line_protocol", "xml"})
"""Formats that are text: `encoding` applies to them."""
