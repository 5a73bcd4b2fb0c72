import pytest

from bridge.errors import DecodeError
from bridge.payloads.encodings import _CODECS, codec_name, text_decoder


@pytest.mark.parametrize("name", sorted(_CODECS))
def test_codec_names_are_text_encodings_of_python(name):
    assert codec_name(name) == name
    assert text_decoder(name)("A".encode(name)) == "A"


@pytest.mark.parametrize(
    ("name", "codec"), [("latin-1", "iso8859-1"), ("Windows-1252", "cp1252"), ("UTF8", "utf-8"), ("utf_16", "utf-16")]
)
def test_encoding_is_accepted_by_its_other_names(name, codec):
    assert codec_name(name) == codec


@pytest.mark.parametrize("name", ["idna", "punycode", "unicode_escape", "utf-7", "hex", "rot13", "nope", "", "a\0b"])
def test_codec_that_is_no_text_encoding_is_an_error(name):
    with pytest.raises(ValueError, match="unknown encoding"):
        text_decoder(name)


@pytest.mark.parametrize("name", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_byte_order_mark_is_no_part_of_the_text(name):
    assert text_decoder(name)("\ufeffGröße".encode(name)) == "Größe"


def test_invalid_byte_is_reported_with_its_place():
    with pytest.raises(DecodeError, match=r"not windows-1252: .*, at byte 1: found 0x81"):
        text_decoder("windows-1252")(b"a\x81")
