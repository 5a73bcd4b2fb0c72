import itertools

import orjson
import pytest

from bridge.kinesis.packing.unpack import unpacked
from tests.fakes.kinesis_faults import Script
from tests.fakes.kinesis_streams import Stream
from tests.faults.thin_links.capacity import (
    MAX_RECORD_BYTES,
    Shape,
    body_of,
    carried,
    message,
    numbered,
    on_the_link,
    payload_share,
    reference_messages,
)

PACKINGS = ("none", "kpl", "lines")


@pytest.mark.parametrize("size", [200, 201, 209, 1_000])
@pytest.mark.parametrize("number", [0, 9, 123_456])
def test_message_has_its_size_and_number(number, size):
    assert len(message(number, size)) == size
    assert orjson.loads(message(number, size))["n"] == number


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("size", [200, 1_000])
def test_reference_request_carries_each_message_once(packing, size):
    entries = orjson.loads(body_of("s", packing, numbered(0, 300, size)))["Records"]
    stream = Stream("s", 2)
    assert orjson.loads(stream.put(entries, Script()))["FailedRecordCount"] == 0
    messages = [each for stored in stream.stored for each in unpacked(stored.data)]
    assert sorted(messages) == sorted(data for _, data in numbered(0, 300, size))
    assert max(len(stored.data) for stored in stream.stored) <= MAX_RECORD_BYTES


def test_link_bytes_include_headers_of_tls_records_and_segments():
    assert on_the_link(1_448, Shape("none", 200, tls=False, header_bytes=66)) == 1_448 + 66
    assert on_the_link(1_449, Shape("none", 200, tls=False, header_bytes=66)) == 1_449 + 2 * 66
    assert on_the_link(16_385, Shape("none", 200, tls=True, header_bytes=52)) == 16_385 + 2 * 22 + 12 * 52


def test_payload_share_of_plain_records_is_below_that_of_base64():
    # 200 bytes are 268 bytes in base64, and JSON adds 39: 0.651. The headers of HTTP and TCP are another tenth.
    share = payload_share(Shape("none", 200, tls=False, header_bytes=52), 8_000)
    assert share == pytest.approx(0.61, abs=0.01)


def test_aggregated_records_carry_more_than_plain_ones():
    plain, kpl, lines = (carried(Shape(p, 200, tls=False, header_bytes=52), 64_000) for p in PACKINGS)
    assert plain < kpl
    assert plain < lines
    assert 0.70 * 64_000 < lines < 0.75 * 64_000


@pytest.mark.parametrize(("packing", "rate"), [*itertools.product(PACKINGS, (8_000, 64_000))])
def test_reference_request_occupies_the_link_for_about_two_seconds(packing, rate):
    shape = Shape(packing, 200, tls=False, header_bytes=52)
    secs = reference_messages(shape, rate) * 200 / payload_share(shape, rate) / rate
    assert 1.8 < secs < 2.5
