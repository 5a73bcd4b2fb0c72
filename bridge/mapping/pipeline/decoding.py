"""Conversion of a payload to the value that expressions read: decompression, text encoding, payload format.

The tests in a mapping file need the opposite direction: they encode a value as a payload.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge.errors import DecodeError
from bridge.payloads import DECODERS, TEXT_FORMATS
from bridge.payloads.avro.decoder import AvroDecoder
from bridge.payloads.avro.schema_parser import parse_schema
from bridge.payloads.cbor import encode as to_cbor
from bridge.payloads.compression import compress, decompressor
from bridge.payloads.csv import FIRST_LINE, CsvDecoder
from bridge.payloads.encodings import text_decoder
from bridge.payloads.msgpack import encode as to_msgpack
from bridge.payloads.schema_files import SchemaError, schema_text
from bridge.payloads.sparkplug.encoder import encode as to_sparkplug
from bridge.payloads.xml import XmlDecoder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.mapping.file_models.mapping_spec import MappingSpec
    from bridge.mapping.file_models.payload_spec import AvroSpec, ProtobufSpec
    from bridge.model import Message
    from bridge.payloads.avro.schema_parser import AvroType
    from bridge.payloads.schema_files import SchemaFiles

ENCODERS: Final[Mapping[str, Callable[[Any], bytes]]] = {
    "json": orjson.dumps,
    "msgpack": to_msgpack,
    "cbor": to_cbor,
}
"""Encoders of the formats that can represent every JSON value. An encoder raises ValueError or TypeError."""


@dataclass(frozen=True, slots=True)
class PayloadCodec:
    """Decoder and encoder of a payload format. The bytes are uncompressed, and text is in UTF-8.

    - `decode` converts bytes to a value, and raises DecodeError.
    - `encode` converts a value to bytes, for the tests of a mapping, and raises ValueError or TypeError. `encode` is
      None for a format that cannot represent every JSON value.
    - `choose` is set if the format depends on the topic. `choose` returns the codec for the captures of a topic, and
      raises DecodeError. `decode` and `encode` are then unusable.
    """

    decode: Callable[[bytes], Any]
    encode: Callable[[Any], bytes] | None = None
    choose: Callable[[Mapping[str, str]], PayloadCodec] | None = None

    def of(self, captures: Mapping[str, str]) -> PayloadCodec:
        """Return the codec for a topic with these captures. Raise DecodeError if the topic has no codec."""
        return self if self.choose is None else self.choose(captures)


def payload_codec(specification: MappingSpec, schemas: SchemaFiles) -> PayloadCodec:
    """Return the codec of a mapping. Raise SchemaError if it needs a schema file that is missing or faulty.

    For `sparkplug_b`, the codec only returns the bytes of the payload as a list. Decoding needs earlier birth messages,
    so `bridge.mapping.stateful.stages` decodes the payload.
    """
    payload = specification.payload
    if payload == "avro" and specification.avro is not None:
        return avro_codec(specification.avro, schemas)
    if payload == "protobuf" and specification.protobuf is not None:
        return protobuf_codec(specification.protobuf, schemas)
    if payload == "sparkplug_b":
        return PayloadCodec(DECODERS["bytes"].decode, to_sparkplug)
    if payload == "xml":
        return PayloadCodec(_xml(specification).decode)
    if specification.csv is not None:
        options = specification.csv
        header = None if options.header == FIRST_LINE else options.header
        return PayloadCodec(CsvDecoder(header, options.delimiter, numbers=options.numbers).decode)
    return PayloadCodec(DECODERS[payload].decode, ENCODERS.get(payload))


def avro_codec(options: AvroSpec, schemas: SchemaFiles) -> PayloadCodec:
    """Return the codec of `payload: avro`. Raise SchemaError."""
    named = {None: options.schema_file} if isinstance(options.schema_file, str) else options.schema_file
    types = {None if number is None else int(number): _avro_type(file, schemas) for number, file in named.items()}
    decoder = AvroDecoder(types, confluent=options.header == "confluent")
    return PayloadCodec(decoder.decode, decoder.encode)


def _avro_type(file: str, schemas: SchemaFiles) -> AvroType:
    text = schema_text(file, schemas)
    try:
        return parse_schema(text)
    except SchemaError as error:
        raise SchemaError(f"schemas/{file}: {error}") from None


def protobuf_codec(options: ProtobufSpec, schemas: SchemaFiles) -> PayloadCodec:
    """Return the codec of `payload: protobuf`. Raise SchemaError."""
    try:
        from bridge.payloads.protobuf.decoder import ProtobufDecoder  # noqa: PLC0415 - an extra
        from bridge.payloads.protobuf.message_types import MessageTypes  # noqa: PLC0415 - an extra
    except ImportError:
        raise SchemaError("`payload: protobuf` needs an extra: pip install 'mqtt-kinesis[protobuf]'") from None
    types = MessageTypes(options.schema_file, schemas)

    def codec_of(name: str) -> PayloadCodec:
        decoder = ProtobufDecoder(types, name)
        return PayloadCodec(decoder.decode, decoder.encode)

    return _by_captures(options.message, codec_of) if options.captures else codec_of(options.message)


def _by_captures(template: str, codec_of: Callable[[str], PayloadCodec]) -> PayloadCodec:
    """Return a codec that chooses the message type by the captures of the topic, as in `message: plant.{type}`.

    The codecs of existing types are cached. Unknown names are not cached, because topics could contain any number of
    unknown names.
    """
    known: dict[str, PayloadCodec] = {}

    def choose(captures: Mapping[str, str]) -> PayloadCodec:
        name = template.format_map(captures)
        found = known.get(name)
        if found is None:
            try:
                found = known[name] = codec_of(name)
            except SchemaError as error:
                raise DecodeError(f"not usable: {error}") from None
        return found

    def unknown(_payload: bytes) -> Any:
        raise DecodeError("not usable: the message type depends on the topic")

    return PayloadCodec(unknown, None, choose)


def _xml(specification: MappingSpec) -> XmlDecoder:
    # After the conversion to UTF-8, the XML declaration still names the former encoding. The argument `encoding`
    # overrides the declaration.
    encoding = None if specification.codec is None else "utf-8"
    options = specification.xml
    lists, numbers = ((), True) if options is None else (options.lists, options.numbers)
    return XmlDecoder(lists, numbers=numbers, encoding=encoding)


def decompression(specification: MappingSpec) -> Callable[[Message], Message] | None:
    """Return the function that decompresses payloads. Return None without `compression`.

    The function raises DecodeError.
    """
    if specification.compression == "none":
        return None
    # `auto` recognises deflated data by its decompressed bytes, which must be UTF-8 text. In another encoding, the text
    # is converted to UTF-8 only after decompression, so `auto` cannot recognise it.
    text = specification.payload in TEXT_FORMATS and specification.codec is None
    decompress = decompressor(specification.compression, specification.max_decompressed_bytes, text=text)
    return lambda message: message._replace(payload=decompress(message.payload))


def transcoding(specification: MappingSpec) -> Callable[[Message], Message] | None:
    """Return the function that converts payloads to UTF-8. Return None if payloads are in UTF-8.

    The function raises DecodeError.
    """
    if specification.codec is None:
        return None
    text_of = text_decoder(specification.encoding)
    # Some devices send a buffer of fixed size, in which NULs follow the text. Remove the NULs after decoding and not
    # before, because the bytes of UTF-16 text also contain NULs.
    return lambda message: message._replace(payload=text_of(message.payload).rstrip("\0").encode())


def sent(specification: MappingSpec, payload: bytes) -> bytes:
    """Convert a UTF-8 payload to the mapping's encoding and compress it, as a device does. Only tests use this.

    Raise ValueError if the encoding does not have a character of the payload.
    """
    if specification.codec is not None:
        payload = payload.decode().encode(specification.codec)
    return compress(specification.compression, payload)
