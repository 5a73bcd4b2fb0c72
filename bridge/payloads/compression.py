"""`compression:` of a mapping: decompression of the payload before decoding.

If the mapping has no transform, the record is the decompressed payload.

    gzip     RFC 1952, with one or more members
    zlib     RFC 1950, one stream
    deflate  RFC 1951, one stream without a header; or a zlib stream, which HTTP calls deflate
    zstd     RFC 8878, with one or more frames, without a dictionary
    auto     recognises the compression of each payload; uncompressed payloads stay unchanged

`auto` recognises gzip by the first bytes 1f 8b, and zstd by 28 b5 2f fd or by a skippable frame (50 to 5f, then 2a 4d
18). It recognises zlib by a valid header of two bytes and a valid checksum.

Deflated data has neither a header nor a checksum, and one in 10,000 payloads of random bytes is valid deflated data. So
`auto` looks for deflated data only if the mapping expects text. A payload then counts as deflated if the payload is not
text, but its decompressed content is text.

The output is never longer than `limit` bytes. A decompression bomb is rejected as soon as it reaches the limit.
Payloads with a wrong checksum or a missing end are rejected too. After the end, only NULs are accepted.
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
"""First bytes that identify a compression. zlib and deflate have no such bytes."""
# First bytes of a skippable frame. A zstd stream may begin with such a frame:
# https://www.rfc-editor.org/rfc/rfc8878.html#section-3.1.2
_SKIPPABLE: Final = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
# Argument `wbits` of zlib: the kind of header, and the largest window. See
# https://docs.python.org/3/library/zlib.html#zlib.decompress.
_FORMATS: Final = MappingProxyType({"gzip": 31, "zlib": 15, "deflate": -15})
# Control characters, which do not occur in text.
# The record separator (1e) is not included, because JSON text sequences begin with it.
_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1d\x1f]")

# Maximum number of members or frames of a payload. Each of them costs time, even if it is empty.
_MAX_PARTS: Final = 100
# Number of bytes that are passed to zstd in one call. The output of a call cannot be limited. Because 4 bytes can
# decompress to 128 KiB, a call with 256 bytes returns up to 8 MiB.
_CHUNK_BYTES: Final = 256
# Window size that every zstd decoder should support: https://www.rfc-editor.org/rfc/rfc8878.html#section-3.1.1.1.2
_WINDOW_BYTES: Final = 8 * 1024 * 1024


def decompressor(compression: str, limit: int, *, text: bool = False) -> Callable[[bytes], bytes]:
    """Return a function that decompresses a payload to at most `limit` bytes. The function raises DecodeError.

    `text` is true if the decompressed payload should be UTF-8 text. `auto` recognises deflated data only in this case.
    """
    if compression == "auto":
        return lambda payload: _from_any(payload, limit, text=text)
    work = {"gzip": _from_gzip, "zlib": _from_zlib, "deflate": _from_deflate, "zstd": _from_zstd}[compression]
    return lambda payload: work(payload, limit)


def compression_of(payload: bytes, limit: int = DEFAULT_LIMIT) -> str | None:
    """Return the name of a payload's compression, or None. Deflated data is recognised only if its content is text."""
    marked = _marked(payload)
    # A payload that is text is not examined further, because a few texts are valid deflated data by chance.
    if marked is not None or _is_text(payload):
        return marked
    if _has_zlib_header(payload) and _inflated("zlib", payload, limit) is not None:
        return "zlib"
    deflated = _inflated("deflate", payload, limit)
    return "deflate" if deflated is not None and _is_text(deflated) else None


def compress(compression: str, data: bytes) -> bytes:
    """Return the compressed data. With `auto`, return the data unchanged."""
    if compression == "gzip":
        # The time in the header is 0, so that the same data always becomes the same bytes. Tests of mappings need this.
        return gzip.compress(data, mtime=0)
    if compression in _FORMATS:
        work = zlib.compressobj(wbits=_FORMATS[compression])
        return work.compress(data) + work.flush()
    return zstandard.ZstdCompressor().compress(data) if compression == "zstd" else data


def _marked(payload: bytes) -> str | None:
    """Return the compression that the first bytes identify, or None if they identify none."""
    for name, magic in MAGIC.items():
        if payload.startswith(magic):
            return name
    return "zstd" if _SKIPPABLE.match(payload) else None


def _has_zlib_header(payload: bytes) -> bool:
    """Return whether the payload has a valid zlib header: https://www.rfc-editor.org/rfc/rfc1950#section-2.2."""
    head = int.from_bytes(payload[:2], "big")
    # A valid header has method 8, a window of at most 32 KiB, and no preset dictionary. As a number, the header is a
    # multiple of 31.
    return len(payload) > 2 and head >> 8 & 0x8F == 8 and head % 31 == 0 and not head & 0x20  # noqa: PLR2004


def _is_text(payload: bytes) -> bool:
    """Return whether the payload is UTF-8 text without control characters.

    Line breaks, tabs, and NULs at the end are allowed.
    """
    if _CONTROLS.search(payload.rstrip(b"\0")):
        return False
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


def _from_any(payload: bytes, limit: int, *, text: bool) -> bytes:
    """Decompress a payload if its compression is recognised, otherwise return it unchanged. Raise DecodeError."""
    marked = _marked(payload)
    if marked is not None:
        return _from_gzip(payload, limit) if marked == "gzip" else _from_zstd(payload, limit)
    if text and _is_text(payload):
        return payload
    # The payload may be:
    # 1. A complete zlib stream with a valid checksum.
    # 2. Deflated text, if text is expected.
    # 3. A damaged zlib stream, if text is expected. This is an error.
    # 4. Anything else. The payload decoder decides whether it is valid.
    headed = _has_zlib_header(payload)
    found = _inflated("zlib", payload, limit) if headed else None
    if found is None and text:
        deflated = _inflated("deflate", payload, limit)
        found = deflated if deflated is not None and _is_text(deflated) else None
        # The two bytes of a zlib header may occur by chance. But text is expected, and the payload is not text. So the
        # payload is more probably a damaged zlib stream.
        if found is None and headed:
            return _from_zlib(payload, limit)
    return payload if found is None else found


def _inflated(compression: str, payload: bytes, limit: int) -> bytes | None:
    """Return the decompressed content, or None if the data has another format. Raise DecodeError above the limit."""
    work = zlib.decompressobj(_FORMATS[compression])
    try:
        # One byte more than the limit is enough to see that the content is too large.
        made = work.decompress(payload, limit + 1)
    except zlib.error:
        return None
    if len(made) > limit:
        raise _too_large(limit)
    return made if work.eof and not _more(work.unused_data) else None


def _more(data: bytes, start: int = 0) -> bool:
    """Return whether `data` has bytes other than NUL from `start` on. Senders may fill fixed buffers with NULs."""
    # No member or frame begins with a NUL, so the first byte usually decides. Checking it separately saves a copy of
    # the remaining data.
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
    """Return the content of one member or stream, and the data after it. Raise DecodeError.

    The content may have at most `room` bytes. `payload` is the complete payload, and `limit` is the limit for all its
    members together. Both are used only for errors.
    """
    work = zlib.decompressobj(_FORMATS[compression])
    try:
        # One byte more than the limit is enough to see that the content is too large. `room` itself cannot be passed,
        # because 0 means "no limit" to zlib.
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
    # A frame declares the size of its window, and zstd allocates this much memory. So the window is limited too.
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
    # The package has no error code for a window that is too large, so the text of the error is searched.
    if "too much memory" in str(error):
        return f"its window is larger than {max(limit, _WINDOW_BYTES)} bytes; compress without `--long`"
    return str(error)


def _ends_early(compression: str, payload: bytes) -> DecodeError:
    return DecodeError(f"not {compression}: {'it ends too early' if payload else 'the payload is empty'}")


def _too_large(limit: int) -> DecodeError:
    return DecodeError(f"decompressed, the payload is larger than `max_decompressed_bytes` ({limit})")
