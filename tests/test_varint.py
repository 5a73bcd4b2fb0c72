import pytest

from bridge.varint import encode_varint


@pytest.mark.parametrize(
    ("number", "encoded"),
    [
        (0, b"\x00"),
        (127, b"\x7f"),
        (128, b"\x80\x01"),
        (150, b"\x96\x01"),
        (16_383, b"\xff\x7f"),
        (16_384, b"\x80\x80\x01"),
        (268_435_455, b"\xff\xff\xff\x7f"),
        (2**64 - 1, b"\xff" * 9 + b"\x01"),
    ],
)
def test_encode_varint_matches_the_specifications(number, encoded):
    assert encode_varint(number) == encoded
