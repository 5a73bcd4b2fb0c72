from bridge.payloads.raw_bytes import RawDecoder


def test_bytes_are_seen_as_integers():
    assert RawDecoder().decode(b"\x00\x7f\xff") == [0, 127, 255]


def test_empty_payload_is_an_empty_list():
    assert RawDecoder().decode(b"") == []
