"""`compression:` of a mapping: decompression of the payload before decoding.

Without a transform, the record is the decompressed payload.

    gzip     RFC 1952, with one member or several
    zlib     RFC 1950, one stream
    deflate  RFC 1951, one stream without a header; also that of zlib, which HTTP calls deflate
    zstd     RFC 8878, with one frame or several, without a dictionary
    auto     gzip or zstd by the first bytes (1f 8b; 28 b5 2f fd; 50 to 5f 2a 4d 18, a skippable frame of zstd); zlib by
             the first two bytes and the checksum; any other payload is unchanged

Deflated data has no signature. `auto` recognises it only if a text is expected: the payload is not text, but its
decompressed content is. One in 10,000 payloads of random bytes would be mistaken for deflated data.

The output is never longer than `limit` bytes. A decompression bomb is rejected when it reaches the limit. Payloads with
a wrong checksum, with a missing end, or with data other than NULs after the end are rejected too.
"""

from __future__ import annotations

import gzip
import re
import zlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import zstandard

from bridge.durations import pluralize
from bridge.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_LIMIT: Final = 10 * 1024 * 1024
"""Default of `max_decompressed_bytes`: 10 MiB."""

MAGIC: Final = MappingProxyType({"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"})
"""First bytes of compressed data, by `compression`. Those of zlib and deflate are not distinctive."""
# First bytes of a skippable frame, with which a zstd stream may begin:
# https://www.rfc-editor.org/rfc/rfc8878.html#section-3.1.2
_SKIPPABLE: Final = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
# `wbits` of zlib for a header and any window: https://docs.python.org/3/library/zlib.html#zlib.decompress.
_FORMATS: Final = MappingProxyType({"gzip": 31, "zlib": 15, "deflate": -15})
# Bytes that do not occur in texts.
# The record separator (1e) is not included, because JSON text sequences begin with it.
_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1d\x1f]")

# Max members or frames of a payload. Each of them costs time, even if it is empty.
_MAX_PARTS: Final = 100
# Bytes that are passed to zstd at once. It has no output limit, and 4 bytes can decompress to 128 KiB.
_CHUNK_BYTES: Final = 256
# Window size that every decoder should support: https://www.rfc-editor.org/rfc/rfc8878.html#section-3.1.1.1.2
_WINDOW_BYTES: Final = 8 * 1024 * 1024


def decompressor(compression: str, limit: int, *, text: bool = False) -> Callable[[bytes], bytes]:
    """Return a function that decompresses a payload to at most `limit` bytes; it raises DecodeError.

    `text`: the result should be UTF-8 text, so that `auto` can recognise deflated data.
    """
    if compression == "auto":
        return lambda payload: _from_any(payload, limit, text=text)
    work = {"gzip": _from_gzip, "zlib": _from_zlib, "deflate": _from_deflate, "zstd": _from_zstd}[compression]
    return lambda payload: work(payload, limit)


def compression_of(payload: bytes, limit: int = DEFAULT_LIMIT) -> str | None:
    """Return the compression of a payload whose content may be text, or None if no compression is recognised."""
    marked = _marked(payload)
    # A text is never taken for compressed data: a few texts would pass as deflated data by chance.
    if marked is not None or _is_text(payload):
        return marked
    if _has_zlib_header(payload) and _inflated("zlib", payload, limit) is not None:
        return "zlib"
    deflated = _inflated("deflate", payload, limit)
    return "deflate" if deflated is not None and _is_text(deflated) else None


def compress(compression: str, data: bytes) -> bytes:
    """Return the data compressed, as a device would send it. With `auto`, return it unchanged."""
    if compression == "gzip":
        # Without a time, the same data always becomes the same bytes, as the tests of a mapping need.
        return gzip.compress(data, mtime=0)
    if compression in _FORMATS:
        work = zlib.compressobj(wbits=_FORMATS[compression])
        return work.compress(data) + work.flush()
    return zstandard.ZstdCompressor().compress(data) if compression == "zstd" else data


def _marked(payload: bytes) -> str | None:
    """Return the compression that the first bytes identify with certainty."""
    for name, magic in MAGIC.items():
        if payload.startswith(magic):
            return name
    return "zstd" if _SKIPPABLE.match(payload) else None


def _has_zlib_header(payload: bytes) -> bool:
    """Return whether the first two bytes may be those of zlib: https://www.rfc-editor.org/rfc/rfc1950#section-2.2."""
    head = int.from_bytes(payload[:2], "big")
    # The header has method 8, a window of at most 32 KiB, a valid check of 5 bits, and no preset dictionary.
    return len(payload) > 2 and head >> 8 & 0x8F == 8 and head % 31 == 0 and not head & 0x20  # noqa: PLR2004


def _is_text(payload: bytes) -> bool:
    """Return whether this is UTF-8 without control characters, except line breaks, tabs and NULs at the end."""
    if _CONTROLS.search(payload.rstrip(b"\0")):
        return False
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


def _from_any(payload: bytes, limit: int, *, text: bool) -> bytes:
    """Decompress a payload whose compression is recognised. Return any other payload unchanged. Raise DecodeError."""
    marked = _marked(payload)
    if marked is not None:
        return _from_gzip(payload, limit) if marked == "gzip" else _from_zstd(payload, limit)
    if text and _is_text(payload):
        return payload
    # Cases:
    # 1. zlib with its checksum.
    # 2. If a text is expected, deflated text.
    # 3. If a text is expected, damaged zlib, which is an error.
    # 4. Any other payload: the decoder decides.
    headed = _has_zlib_header(payload)
    found = _inflated("zlib", payload, limit) if headed else None
    if found is None and text:
        deflated = _inflated("deflate", payload, limit)
        found = deflated if deflated is not None and _is_text(deflated) else None
        # Two bytes of a valid header are not proof of zlib. But the payload is not text, as expected, so damage is more
        # probable.
        if found is None and headed:
            return _from_zlib(payload, limit)
    return payload if found is None else found


def _inflated(compression: str, payload: bytes, limit: int) -> bytes | None:
    """Return the content, or None for data of another format. Raise DecodeError for content over the limit."""
    work = zlib.decompressobj(_FORMATS[compression])
    try:
        # One byte more than the limit shows that the content is too large, without decompressing all of it.
        made = work.decompress(payload, limit + 1)
    except zlib.error:
        return None
    if len(made) > limit:
        raise _too_large(limit)
    return made if work.eof and not _more(work.unused_data) else None


def _more(data: bytes, start: int = 0) -> bool:
    """Return whether `data` has more than NULs from `start` on. NULs may fill up a sender's fixed buffer."""
    # No member or frame begins with a NUL. So usually the first byte decides, without a copy of the rest.
    return start < len(data) and (data[start] != 0 or bool(data[start:].strip(b"\0")))


def _from_zlib(payload: bytes, limit: int) -> bytes:
    return _stream("zlib", payload, limit)


def _from_deflate(payload: bytes, limit: int) -> bytes:
    headed = _inflated("zlib", payload, limit) if _has_zlib_header(payload) else None
    return _stream("deflate", payload, limit) if headed is None else headed


def _stream(compression: str, payload: bytes, limit: int) -> bytes:
    """Decompress one stream. Raise DecodeError."""
    made, rest = _part(compression, payload, limit, payload)
    if _more(rest):
        raise DecodeError(f"not {compression}: {pluralize(len(rest), 'byte')} after the end")
    return made


def _from_gzip(payload: bytes, limit: int) -> bytes:
    """Decompress all gzip members. Raise DecodeError."""
    made, rest = b"", payload
    for _ in range(_MAX_PARTS):
        part, rest = _part("gzip", rest, limit - len(made), payload, limit)
        made += part
        if not _more(rest):
            return made
    raise DecodeError(f"not usable: the gzip holds more than {_MAX_PARTS} members")


def _part(compression: str, data: bytes, room: int, payload: bytes, limit: int | None = None) -> tuple[bytes, bytes]:
    """Return the content of a member or stream of at most `room` bytes, and the data after it. Raise DecodeError."""
    work = zlib.decompressobj(_FORMATS[compression])
    try:
        # Read one byte more than the limit, to see whether the payload is too large. A max length of 0 would mean no
        # limit.
        made = work.decompress(data, room + 1)
    except zlib.error as error:
        raise DecodeError(f"not {compression}: {error}") from None
    if len(made) > room:
        raise _too_large(room if limit is None else limit)
    if not work.eof:
        raise _ends_early(compression, payload)
    return made, work.unused_data


def _from_zstd(payload: bytes, limit: int) -> bytes:
    """Decompress all zstd frames. Raise DecodeError."""
    # A frame may require a window of any size, for which zstd would reserve the memory. So the window is limited too.
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
        # The last chunk may contain the beginning of the next frame.
        place -= len(frame.unused_data)
        if not _more(payload, place):
            return bytes(made)
    raise DecodeError(f"not usable: the zstd holds more than {_MAX_PARTS} frames")


def _explained(error: zstandard.ZstdError, limit: int) -> str:
    """Return the text of a zstd error in plain words."""
    # The package has no error code for this case, only the text of the library.
    if "too much memory" in str(error):
        return f"its window is larger than {max(limit, _WINDOW_BYTES)} bytes; compress without `--long`"
    return str(error)


def _ends_early(compression: str, payload: bytes) -> DecodeError:
    return DecodeError(f"not {compression}: {'it ends too early' if payload else 'the payload is empty'}")


def _too_large(limit: int) -> DecodeError:
    return DecodeError(f"decompressed, the payload is larger than `max_decompressed_bytes` ({limit})")
