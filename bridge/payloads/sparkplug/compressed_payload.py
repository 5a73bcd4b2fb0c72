"""Compressed payloads, which Eclipse Tahu's libraries send inside a payload if compression is enabled.

The `uuid` of such a payload is SPBV1.0_COMPRESSED. Its `body` is a complete payload, compressed with gzip or deflate
(zlib). A metric `algorithm` may name the method, but the first bytes show it too. This convention is not part of the
specification.
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
"""Max bytes of a decompressed payload."""

# `wbits` of zlib for either header and any window: https://docs.python.org/3/library/zlib.html#zlib.decompress.
_GZIP_OR_ZLIB = 47


def decompressed(payload: Fields) -> Fields:
    """Return the inner payload. Raise DecodeError if there is none, or if it is larger than MAX_BYTES."""
    work = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        # Read one byte more than the limit, to see whether the payload is too large.
        data = work.decompress(payload.get("body", b""), MAX_BYTES + 1)
    except zlib.error as error:
        raise DecodeError(f"not Sparkplug B: its body is said to be compressed: {error}") from None
    if len(data) > MAX_BYTES:
        raise DecodeError(f"decompressed, the payload is larger than {MAX_BYTES} bytes")
    if not work.eof:
        raise DecodeError("not Sparkplug B: its compressed body ends too early")
    return read_payload(data)
