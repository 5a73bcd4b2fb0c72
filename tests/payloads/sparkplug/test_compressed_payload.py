import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import DecodeError
from bridge.payloads.sparkplug import compressed_payload
from bridge.payloads.sparkplug.compressed_payload import COMPRESSED, MAX_BYTES, decompressed
from bridge.payloads.sparkplug.session import SparkplugSession
from bridge.spool.mapping_state import MappingState
from tests.payloads.sparkplug.wire import message, metric, part, payload

INNER = payload(metric("a", 1.5, datatype=10), seq=0)


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_compressed_payload_is_the_one_within(compress):
    data = part(4, COMPRESSED) + part(5, compress(INNER))
    seen, _ = SparkplugSession().decode(message("g/NBIRTH/n", data), MappingState("m", {}))
    assert seen["metrics"]["a"]["value"] == 1.5
    assert seen["seq"] == 0


@pytest.mark.parametrize("body", [b"", b"not compressed", zlib.compress(INNER)[:-3], zlib.compress(b"\xff")])
def test_body_that_holds_no_payload_is_rejected(body):
    with pytest.raises(DecodeError, match="Sparkplug B"):
        decompressed({"body": body})


def test_bomb_is_rejected():
    with pytest.raises(DecodeError, match="larger than"):
        decompressed({"body": zlib.compress(bytes(MAX_BYTES + 1))})


@given(st.integers(0, 60), st.integers(20, 60))
def test_compressed_body_is_read_up_to_the_limit(text, limit):
    inner = part(4, "x" * text)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(compressed_payload, "MAX_BYTES", limit)
        if len(inner) <= limit:
            assert decompressed({"body": zlib.compress(inner)})["uuid"] == "x" * text
        else:
            with pytest.raises(DecodeError, match=f"larger than {limit} bytes"):
                decompressed({"body": zlib.compress(inner)})
