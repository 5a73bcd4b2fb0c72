import pytest

from bridge.mqtt.publish_packet import publish_packet


def test_version_3_has_topic_and_payload():
    assert publish_packet("a/b", b"xy", version_5=False) == b"\x30\x07\x00\x03a/bxy"


def test_version_5_has_no_properties():
    assert publish_packet("a", b"x", version_5=True) == b"\x30\x05\x00\x01a\x00x"


@pytest.mark.parametrize(
    ("size", "length"), [(124, b"\x7f"), (125, b"\x80\x01"), (16380, b"\xff\x7f"), (16381, b"\x80\x80\x01")]
)
def test_length_takes_as_many_bytes_as_it_needs(size, length):
    packet = publish_packet("a", bytes(size), version_5=False)
    assert packet[1 : 1 + len(length)] == length
    assert len(packet) == 1 + len(length) + 3 + size
