"""`compression:` of a mapping: decompression of the payload before decoding.

Without a transform, the record is the decompressed payload.

    gzip  RFC 1952, with one member or several
    zstd  RFC 8878, with one frame or several, without a dictionary
    auto  either one by its first bytes (1f 8b; 28 b5 2f fd; 50 to 5f 2a 4d 18, a skippable frame of zstd); any other
          payload is unchanged

The output is never longer than `limit` bytes, whatever a payload claims or holds: a decompression bomb is rejected when
it reaches the limit. Wrong checksums, payloads that end too early, and other data after the end are also rejected.
"""

from __future__ import annotations

import gzip
import re
import zlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import zstandard

from bridge.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_LIMIT: Final = 10 * 1024 * 1024
"""Default of `max_decompressed_bytes`: 10 MiB."""

MAGIC: Final = MappingProxyType({"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"})
"""First bytes of compressed data, by `compression`."""
_SKIPPABLE: Final = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
"""First bytes of a skippable frame, with which a zstd stream may begin:
https://www.rfc-editor.org/rfc/rfc8878.html#section-3.1.2"""
_GZIP_FORMAT: Final = 31
"""`wbits` of zlib for a gzip header and any window: https://docs.python.org/3/library/zlib.html#zlib.decompress."""

_MAX_PARTS: Final = 100
"""Max members or frames of a payload: each takes time to begin, and may be empty."""
_CHUNK_BYTES: Final = 256
"""Bytes that zstd gets at once. It has no output limit, and 4 bytes can decompress to 128 KiB."""
_WINDOW_BYTES: Final = 8 * 1024 * 1024
"""Window size that every decoder should support: https://www.rfc-editor.org/rfc/rfc8878.html#section-3.1.1.1.2"""


def decompressor(compression: str, limit: int) -> Callable[[bytes], bytes]:
    """Return a function that decompresses a payload to at most `limit` bytes; it raises DecodeError."""
    work = {"gzip": _from_gzip, "zstd": _from_zstd, "auto": _from_either}[compression]
    return lambda payload: work(payload, limit)


def compression_of(payload: bytes) -> str | None:
    """Return the compression that a payload's first bytes show; None if they show none."""
    for name, magic in MAGIC.items():
        if payload.startswith(magic):
            return name
    return "zstd" if _SKIPPABLE.match(payload) else None


def compress(compression: str, data: bytes) -> bytes:
    """Return the data as a device would send it; with `auto`, unchanged."""
    if compression == "gzip":
        return gzip.compress(data, mtime=0)
    return zstandard.ZstdCompressor().compress(data) if compression == "zstd" else data


def _from_either(payload: bytes, limit: int) -> bytes:
    """Decompress by the first bytes; return any other payload unchanged."""
    compression = compression_of(payload)
    if compression == "gzip":
        return _from_gzip(payload, limit)
    return _from_zstd(payload, limit) if compression == "zstd" else payload


def _from_gzip(payload: bytes, limit: int) -> bytes:
    """Decompress all gzip members. Raise DecodeError."""
    made, rest = b"", payload
    for _ in range(_MAX_PARTS):
        member = zlib.decompressobj(_GZIP_FORMAT)
        try:
            # One byte over the limit shows that the payload is too large. A max length of 0 would mean no limit.
            made += member.decompress(rest, limit - len(made) + 1)
        except zlib.error as error:
            raise DecodeError(f"not gzip: {error}") from None
        if len(made) > limit:
            raise _too_large(limit)
        if not member.eof:
            raise _ends_early("gzip", payload)
        rest = member.unused_data
        if not rest:
            return made
    raise DecodeError(f"not usable: the gzip holds more than {_MAX_PARTS} members")


def _from_zstd(payload: bytes, limit: int) -> bytes:
    """Decompress all zstd frames. Raise DecodeError."""
    package = zstandard.ZstdDecompressor(max_window_size=max(limit, _WINDOW_BYTES))
    made, place = bytearray(), 0
    for _ in range(_MAX_PARTS):
        frame = package.decompressobj()
        while not frame.eof:
            chunk = payload[place : place + _CHUNK_BYTES]
            if not chunk:
                raise _ends_early("zstd", payload)
            try:
                made += frame.decompress(chunk)
            except zstandard.ZstdError as error:
                raise DecodeError(f"not zstd: {_explained(error, limit)}") from None
            if len(made) > limit:
                raise _too_large(limit)
            place += len(chunk)
        # The last chunk may reach into the next frame.
        place -= len(frame.unused_data)
        if place == len(payload):
            return bytes(made)
    raise DecodeError(f"not usable: the zstd holds more than {_MAX_PARTS} frames")


def _explained(error: zstandard.ZstdError, limit: int) -> str:
    """Return an error of the zstd library in plainer words."""
    if "too much memory" in str(error):
        return f"its window is larger than {max(limit, _WINDOW_BYTES)} bytes; compress without `--long`"
    return str(error)


def _ends_early(compression: str, payload: bytes) -> DecodeError:
    return DecodeError(f"not {compression}: {'it ends too early' if payload else 'the payload is empty'}")


def _too_large(limit: int) -> DecodeError:
    return DecodeError(f"decompressed, the payload is larger than `max_decompressed_bytes` ({limit})")
