"""Compressed payloads of Eclipse Tahu's libraries. Such a payload is sent inside another payload.

The outer payload has the `uuid` SPBV1.0_COMPRESSED. Its `body` is the inner payload, compressed with gzip or deflate
(zlib). The metric `algorithm`, which may name the method, is ignored, because the first bytes of the body show the
method. This convention is not part of the Sparkplug specification.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from bridge.errors import DecodeError
from bridge.payloads.sparkplug.wire_format import read_payload

if TYPE_CHECKING:
    from bridge.payloads.sparkplug.wire_format import Fields

COMPRESSED: Final = "SPBV1.0_COMPRESSED"
MAX_BYTES: Final = 10 * 1024 * 1024
"""Maximum size of a decompressed payload."""

# Argument `wbits` of zlib that accepts both kinds of header, and windows of any size:
# https://docs.python.org/3/library/zlib.html#zlib.decompress
_GZIP_OR_ZLIB = 47


def decompressed(payload: Fields) -> Fields:
    """Return the inner payload. Raise DecodeError if it is missing, damaged, or larger than MAX_BYTES."""
    work = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        # One byte more than the limit is enough to see that the payload is too large.
        data = work.decompress(payload.get("body", b""), MAX_BYTES + 1)
    except zlib.error as error:
        raise DecodeError(f"not Sparkplug B: its compressed body is damaged: {error}") from None
    if len(data) > MAX_BYTES:
        raise DecodeError(f"decompressed, the payload is larger than {MAX_BYTES} bytes")
    if not work.eof:
        raise DecodeError("not Sparkplug B: its compressed body ends too early")
    return read_payload(data)
