import gzip
import os
import tracemalloc
import zlib

import pytest
import zstandard
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bridge.errors import DecodeError
from bridge.payloads import compression as compression_module
from bridge.payloads.compression import compress, compression_of, decompressor

LIMIT = 1000
EACH = pytest.mark.parametrize("compression", ["gzip", "zlib", "deflate", "zstd"])
PARTS = pytest.mark.parametrize("compression", ["gzip", "zstd"])
SURE = ("gzip", "zlib", "zstd")


def unpacked(compression, payload, limit=LIMIT):
    return decompressor(compression, limit)(payload)


def streamed(data):
    """Compress like a device with little memory: the frame does not contain the size."""
    work = zstandard.ZstdCompressor().compressobj()
    return work.compress(data) + work.flush()


@EACH
@given(data=st.binary(max_size=LIMIT))
def test_compressed_payload_is_decompressed(compression, data):
    assert unpacked(compression, compress(compression, data)) == data
    if compression in SURE:
        assert unpacked("auto", compress(compression, data)) == data


@given(st.binary(max_size=LIMIT).filter(lambda data: not data.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd"))))
def test_auto_leaves_what_is_not_compressed(data):
    assert unpacked("auto", data) == data
    assert compress("auto", data) == data


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=50))
@example("x^2 + 1")
def test_auto_leaves_every_text_without_control_characters(text):
    data = text.encode()
    if compression_of(data) is None:
        assert decompressor("auto", LIMIT, text=True)(data) == data


def test_auto_rejects_damaged_zlib_that_is_utf_8():
    with pytest.raises(DecodeError, match="not zlib"):
        decompressor("auto", LIMIT, text=True)(b"x^\x01")


@pytest.mark.parametrize("compression", ["gzip", "zlib", "deflate", "zstd"])
@given(text=st.text(alphabet=st.characters(exclude_categories=["C"]), min_size=5, max_size=200))
def test_auto_recognises_every_compression_of_a_text(compression, text):
    packed = compress(compression, text.encode())
    # A few deflated texts are text themselves, such as `30004` with NULs at the end for `00010`.
    assume(not compression_module._is_text(packed))
    assert decompressor("auto", LIMIT, text=True)(packed) == text.encode()
    assert compression_of(packed) == compression


def test_auto_takes_no_binary_payload_for_deflated_data():
    # Eight samples of 16 bits that happen to be a complete deflated stream.
    samples = b"[\xf9\xfb\xfc)\xffJ\x01\xcd\x02\xcd\t\xd4\x03\xdf\x00"
    assert unpacked("deflate", samples)
    assert unpacked("auto", samples) == samples
    assert decompressor("auto", LIMIT, text=True)(samples) == samples
    assert compression_of(samples) is None


def test_deflate_reads_the_format_of_zlib_too():
    assert unpacked("deflate", zlib.compress(b"a" * 50)) == b"a" * 50


@pytest.mark.parametrize("compression", ["gzip", "zlib", "deflate", "zstd"])
def test_nuls_after_the_end_of_compressed_data_are_passed_over(compression):
    text = b'{"machine": "press07", "temperature": 21.5}'
    filled = compress(compression, text) + bytes(30)
    assert unpacked(compression, filled) == text
    assert decompressor("auto", LIMIT, text=True)(filled) == text


@pytest.mark.parametrize("compression", ["zlib", "deflate"])
def test_data_after_the_end_of_a_stream_is_rejected(compression):
    with pytest.raises(DecodeError, match=f"not {compression}: 2 bytes after the end"):
        unpacked(compression, compress(compression, b"abc") + b"xy")


def test_auto_reports_damaged_zlib_where_a_text_is_expected():
    damaged = zlib.compress(b"press07 is running, " * 9)[:-1]
    with pytest.raises(DecodeError, match="not zlib: it ends too early"):
        decompressor("auto", LIMIT, text=True)(damaged)
    assert unpacked("auto", damaged) == damaged


@pytest.mark.parametrize("compression", ["zlib", "deflate"])
def test_auto_rejects_a_bomb_at_the_limit(compression):
    with pytest.raises(DecodeError, match="larger than `max_decompressed_bytes`"):
        decompressor("auto", LIMIT, text=True)(compress(compression, bytes(10 * LIMIT)))


@EACH
@given(data=st.binary(max_size=200))
def test_bytes_are_decompressed_or_rejected(compression, data):
    try:
        unpacked(compression, data)
    except DecodeError as error:
        assert any(word in error.detail for word in ("zip", "zstd", "zlib", "deflate", "larger"))  # noqa: PT017 - or no error


@EACH
def test_limit_is_exact(compression):
    packed = compress(compression, b"a" * LIMIT)
    assert len(unpacked(compression, packed)) == LIMIT
    with pytest.raises(DecodeError, match=r"larger than `max_decompressed_bytes` \(999\)"):
        unpacked(compression, packed, LIMIT - 1)


def test_limit_is_exact_where_zstd_does_not_report_the_size():
    assert unpacked("zstd", streamed(b"a" * LIMIT)) == b"a" * LIMIT
    with pytest.raises(DecodeError, match=r"larger than `max_decompressed_bytes` \(999\)"):
        unpacked("zstd", streamed(b"a" * LIMIT), LIMIT - 1)


BOMBS = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "zstd streamed": streamed,
}


@pytest.mark.parametrize("name", BOMBS)
def test_bomb_is_rejected_without_being_unpacked(name):
    bomb = BOMBS[name](bytes(128 * 1024 * 1024))
    peak = _peak_of(lambda: unpacked(name.split()[0], bomb, 1024 * 1024))
    assert peak < 32 * 1024 * 1024


def _peak_of(work):
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError, match="larger than"):
            work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@PARTS
def test_parts_are_joined_to_one_payload(compression):
    assert unpacked(compression, compress(compression, b"ab") + compress(compression, b"cd")) == b"abcd"


@PARTS
@given(parts=st.integers(1, 200))
@example(parts=100)
@example(parts=101)
def test_parts_beyond_the_limit_are_rejected(compression, parts):
    payload = compress(compression, b"a") * parts
    if parts <= 100:
        assert unpacked(compression, payload) == b"a" * parts
    else:
        with pytest.raises(DecodeError, match="holds more than 100"):
            unpacked(compression, payload)


@PARTS
def test_limit_counts_all_parts(compression):
    with pytest.raises(DecodeError, match="larger than"):
        unpacked(compression, compress(compression, b"a" * 600) * 2)


@EACH
@pytest.mark.parametrize("cut", [1, 4, 12])
def test_truncated_payload_is_rejected(compression, cut):
    data = os.urandom(100)
    with pytest.raises(DecodeError, match=f"not {compression}: it ends too early"):
        unpacked(compression, compress(compression, data)[:-cut])


@EACH
def test_data_after_the_end_is_rejected(compression):
    with pytest.raises(DecodeError, match=f"not {compression}: "):
        unpacked(compression, compress(compression, b"abc") + b"more than a header takes")


@EACH
def test_empty_payload_is_rejected(compression):
    with pytest.raises(DecodeError, match="the payload is empty"):
        unpacked(compression, b"")


def test_wrong_checksum_is_rejected():
    packed = gzip.compress(b"abc")
    with pytest.raises(DecodeError, match=r"not gzip: .*incorrect data check"):
        unpacked("gzip", packed[:-8] + bytes(4) + packed[-4:])
    packed = zstandard.ZstdCompressor(write_checksum=True).compress(b"abc")
    with pytest.raises(DecodeError, match=r"not zstd: .*checksum"):
        unpacked("zstd", packed[:-1] + bytes([packed[-1] ^ 1]))


def test_window_larger_than_any_device_needs_is_not_allocated():
    frame = b"\x28\xb5\x2f\xfd\x00\xa8" + b"\x01\x00\x00"
    with pytest.raises(DecodeError, match="not zstd: "):
        unpacked("zstd", frame)


SKIPPABLE = b"\x5a\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"abcde"


@pytest.mark.parametrize("compression", ["zstd", "auto"])
def test_zstd_that_begins_with_a_skippable_frame_is_decompressed(compression):
    assert unpacked(compression, SKIPPABLE + compress("zstd", b"data") + SKIPPABLE) == b"data"
    assert compression_of(SKIPPABLE) == "zstd"


@pytest.mark.parametrize(
    ("window_log", "limit", "largest"),
    [(23, LIMIT, 1 << 23), (24, LIMIT, 1 << 23), (24, 1 << 24, 1 << 24), (25, 1 << 24, 1 << 24)],
)
def test_zstd_with_a_window_that_is_too_large_is_rejected_with_the_limit(window_log, limit, largest):
    settings = zstandard.ZstdCompressionParameters(window_log=window_log)
    work = zstandard.ZstdCompressor(compression_params=settings).compressobj()
    payload = work.compress(b"data") + work.flush()
    if 1 << window_log <= largest:
        assert unpacked("zstd", payload, limit) == b"data"
    else:
        with pytest.raises(DecodeError, match=f"its window is larger than {largest} bytes"):
            unpacked("zstd", payload, limit)
