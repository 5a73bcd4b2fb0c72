"""`payload: avro`: one value in Avro's binary encoding. This encoding contains neither the schema nor the field names.

The option `header` of a mapping's `avro` has two values:

    none       the message is the value
    confluent  the message is a zero byte, the number of the schema in 4 bytes (big-endian), and the value:
               https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format

Values that JSON does not have are converted. `bytes` and `fixed` become lists of integers from 0 to 255. A decimal
becomes a number, or text if a float would not be exact. NaN and the infinities become null. A value of a union is
returned without the name of its type. Times remain the integers that were sent. Messages with over 1,048,576 values, or
with over 128 levels of nested records, are rejected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.errors import DecodeError
from bridge.payloads.avro.reader import compile_reader
from bridge.payloads.avro.writer import encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.payloads.avro.schema_parser import AvroType

_HEADER_BYTES: Final = 5


class AvroDecoder:
    """Decoder of messages. With the header of Confluent, the number in a message selects its schema."""

    __slots__ = ("_confluent", "_readers", "_schemas")

    def __init__(self, schemas: Mapping[int | None, AvroType], *, confluent: bool) -> None:
        """Decode with `schemas`, by schema number.

        The schema with the key None is used if a message has no number, or an unknown number.
        """
        self._schemas = dict(schemas)
        self._readers = {number: compile_reader(schema) for number, schema in schemas.items()}
        self._confluent = confluent

    def decode(self, payload: bytes) -> Any:
        """Return the value. Raise DecodeError."""
        if not self._confluent:
            return self._readers[None](payload, 0)
        if len(payload) < _HEADER_BYTES or payload[0] != 0:
            raise DecodeError(
                "not Avro with the header of Confluent: expected a zero byte and the number of the schema"
            )
        number = int.from_bytes(payload[1:_HEADER_BYTES], "big")
        read = self._readers.get(number) or self._readers.get(None)
        if read is None:
            known = ", ".join(map(str, self._readers))
            raise DecodeError(f"not usable: the Avro has the schema {number}; the mapping knows {known}")
        return read(payload, _HEADER_BYTES)

    def encode(self, value: Any) -> bytes:
        """Return the value encoded by the first schema, for the tests of mappings. Raise ValueError."""
        number, schema = next(iter(self._schemas.items()))
        header = b"\0" + (number or 0).to_bytes(4, "big") if self._confluent else b""
        return header + encode(schema, value)
