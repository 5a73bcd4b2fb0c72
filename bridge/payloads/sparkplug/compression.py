"""Payloads within payloads, as Eclipse Tahu's libraries send them when asked to compress.

The `uuid` of such a payload is SPBV1.0_COMPRESSED, its `body` a whole payload compressed with gzip or deflate (zlib); a
metric `algorithm` may name which, as do the first bytes. This is a convention beside the specification.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from bridge.errors import DecodeError
from bridge.payloads.sparkplug.protobuf import read_payload

if TYPE_CHECKING:
    from bridge.payloads.sparkplug.protobuf import Fields

COMPRESSED: Final = "SPBV1.0_COMPRESSED"
MAX_BYTES: Final = 10 * 1024 * 1024
"""Of a payload when decompressed."""

_GZIP_OR_ZLIB = 47
"""https://docs.python.org/3/library/zlib.html#zlib.decompress: either header, any window."""


def decompressed(payload: Fields) -> Fields:
    """Give the payload within; raises DecodeError if there is none, or it is larger than MAX_BYTES."""
    work = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        data = work.decompress(payload.get("body", b""), MAX_BYTES + 1)
    except zlib.error as error:
        raise DecodeError(f"not Sparkplug B: its body is said to be compressed: {error}") from None
    if len(data) > MAX_BYTES:
        raise DecodeError(f"decompressed, the payload is larger than {MAX_BYTES} bytes")
    if not work.eof:
        raise DecodeError("not Sparkplug B: its compressed body ends too early")
    return read_payload(data)
