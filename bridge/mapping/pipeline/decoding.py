"""Decoders from a message's bytes to the value that expressions see; and encoders, for a mapping's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge.payloads import DECODERS, TEXT_FORMATS
from bridge.payloads.cbor import encode as to_cbor
from bridge.payloads.compression import compress, decompressor
from bridge.payloads.csv import FIRST_LINE, CsvDecoder
from bridge.payloads.encodings import text_decoder
from bridge.payloads.msgpack import encode as to_msgpack
from bridge.payloads.sparkplug.encoding import encode as to_sparkplug
from bridge.payloads.xml import XmlDecoder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.mapping.schema.mapping_spec import MappingSpec
    from bridge.model import Message

ENCODERS: Final[Mapping[str, Callable[[Any], bytes]]] = {
    "json": orjson.dumps,
    "msgpack": to_msgpack,
    "cbor": to_cbor,
    "sparkplug_b": to_sparkplug,
}
"""Encoders by `payload`, for the formats that can hold every JSON value. They raise ValueError or TypeError."""


def decoder(specification: MappingSpec) -> Callable[[bytes], Any]:
    """Return the decoder of decompressed payloads; it raises DecodeError.

    For `sparkplug_b` it returns the bytes as integers: their meaning depends on the births (see `stateful`).
    """
    if specification.payload == "sparkplug_b":
        return DECODERS["bytes"].decode
    if specification.payload == "xml":
        # Converted to UTF-8, the payload still declares its former encoding.
        encoding = None if specification.codec is None else "utf-8"
        xml = specification.xml
        lists, numbers = ((), True) if xml is None else (xml.lists, xml.numbers)
        return XmlDecoder(lists, numbers=numbers, encoding=encoding).decode
    options = specification.csv
    if options is None:
        return DECODERS[specification.payload].decode
    header = None if options.header == FIRST_LINE else options.header
    return CsvDecoder(header, options.delimiter, numbers=options.numbers).decode


def decompression(specification: MappingSpec) -> Callable[[Message], Message] | None:
    """Return the function that decompresses a message's payload; None without `compression`. It raises DecodeError."""
    if specification.compression == "none":
        return None
    text = specification.payload in TEXT_FORMATS and specification.codec is None
    decompress = decompressor(specification.compression, specification.max_decompressed_bytes, text=text)
    return lambda message: message._replace(payload=decompress(message.payload))


def transcoding(specification: MappingSpec) -> Callable[[Message], Message] | None:
    """Return the function that converts a message's payload to UTF-8; None for UTF-8. It raises DecodeError."""
    if specification.codec is None:
        return None
    text_of = text_decoder(specification.encoding)
    return lambda message: message._replace(payload=text_of(message.payload).rstrip("\0").encode())


def sent(specification: MappingSpec, payload: bytes) -> bytes:
    """Return a payload in UTF-8 as a device would send it, in its encoding and compressed, for tests.

    Raise ValueError for a character that the encoding does not have.
    """
    if specification.codec is not None:
        payload = payload.decode().encode(specification.codec)
    return compress(specification.compression, payload)
