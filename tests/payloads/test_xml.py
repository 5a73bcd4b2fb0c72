import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import DecodeError
from bridge.payloads import xml
from bridge.payloads.xml import XmlDecoder
from tests.mapping.builders import applied, mapping, message

READING = '<reading id="7"><t unit="C">21.5</t><alarm>A</alarm><alarm>B</alarm><note/></reading>'


def decode(text, *lists, **options):
    return XmlDecoder(lists, **options).decode(text if isinstance(text, bytes) else text.encode())


def test_attributes_and_elements_become_members():
    assert decode(READING) == {
        "reading": {"@id": 7, "t": {"@unit": "C", "#text": 21.5}, "alarm": ["A", "B"], "note": None}
    }
    assert decode(READING, numbers=False)["reading"]["t"] == {"@unit": "C", "#text": "21.5"}


def test_named_elements_are_lists_also_alone():
    assert decode("<a><b>1</b></a>", "b") == {"a": {"b": [1]}}
    assert decode("<a><b><c/></b><b/></a>", "b", "c") == {"a": {"b": [{"c": [None]}, None]}}


def test_text_between_elements_is_joined_and_comments_are_skipped():
    assert decode("<a> x <b>1</b><!-- no --> y <?pi z?><![CDATA[<z>]]></a>") == {"a": {"b": 1, "#text": "x  y <z>"}}
    assert decode("<n:a xmlns:n='u'>&lt;&#252;</n:a>") == {"n:a": {"@xmlns:n": "u", "#text": "<ü"}}


@given(number=st.integers(-(2**63), 2**64 - 1))
def test_integers_of_64_bits_stay_exact_and_others_stay_text(number):
    assert decode(f"<a>{number}</a>") == {"a": number}
    assert decode("<a>007</a>") == {"a": "007"}
    assert decode("<a>18446744073709551616</a>") == {"a": "18446744073709551616"}


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "windows-1252", "utf-16"])
def test_declared_encoding_is_used(encoding):
    assert decode(f'<?xml version="1.0" encoding="{encoding}"?><a>Größe</a>'.encode(encoding)) == {"a": "Größe"}
    assert decode("<a>Größe</a>\0\0".encode("utf-8-sig")) == {"a": "Größe"}
    assert decode("<a>Größe</a>\0".encode("utf-16")) == {"a": "Größe"}


def test_encoding_of_the_mapping_replaces_the_declared_one():
    made = mapping(payload="xml", encoding="shift_jis", transform="payload")
    sent = '<?xml version="1.0" encoding="Shift_JIS"?><a>温度</a>'.encode("shift_jis")
    assert applied(made, message(sent)).drafts[0].data == '{"a":"温度"}'.encode()
    with pytest.raises(DecodeError, match="set `encoding` in the mapping"):
        decode(sent)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the payload is empty"),
        ("21.5", "not XML: syntax error, at line 1, column 1"),
        ("<a>\n<b></a>", "not XML: mismatched tag, at line 2, column 6"),
        ("<a>", "not XML: no element found, at line 1, column 4"),
        ("<a/><b/>", "not XML: junk after document element"),
        ("<a x='1' x='2'/>", "not XML: duplicate attribute"),
        ("<a>&x;</a>", "not XML: undefined entity"),
        ("<!DOCTYPE a><a/>", "document type declaration"),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "document type declaration"),
        ('<?xml version="1.0" encoding="idna"?><a/>', "declares an unknown encoding 'idna'"),
        ('<?xml version="1.0" encoding="zip"?><a/>', "declares an unknown encoding 'zip'"),
        ("<a>" * 129, "more than 128 levels"),
        (b"<a>\xff</a>", "not XML: not well-formed (invalid token), at line 1, column 4"),
    ],
)
def test_invalid_or_hostile_document_is_rejected(text, reason):
    with pytest.raises(DecodeError) as error:
        decode(text)
    assert reason in error.value.detail


def test_deepest_document_becomes_a_record():
    assert applied(mapping(payload="xml", transform="payload"), message(("<a>" * 128 + "</a>" * 128).encode())).drafts


def test_entities_that_double_stop_at_the_declaration():
    lines = "".join(f'<!ENTITY x{n} "&x{n - 1};&x{n - 1};">' for n in range(1, 40))
    with pytest.raises(DecodeError, match="DOCTYPE"):
        decode(f'<!DOCTYPE a [<!ENTITY x0 "ha">{lines}]><a>&x39;</a>')


def test_elements_beyond_the_limit_are_rejected(monkeypatch):
    monkeypatch.setattr(xml, "MAX_PARTS", 3)
    assert decode("<a x='1'><b/></a>") == {"a": {"@x": 1, "b": None}}
    with pytest.raises(DecodeError, match="more than 128 levels or 3 elements and attributes, at line 2"):
        decode("<a x='1'>\n<b y='1'/></a>")


@pytest.mark.parametrize("text", ["<a " + "b='1' " * 20, "<a><!-- " + "b " * 60, "<a><b c='" + "d" * 120])
def test_tag_beyond_the_limit_is_rejected_before_it_is_complete(monkeypatch, text):
    monkeypatch.setattr(xml, "MAX_TAG_BYTES", 64)
    monkeypatch.setattr(xml, "_CHUNK_BYTES", 16)
    with pytest.raises(DecodeError, match="a tag or comment of the XML exceeds 64 bytes, at line 1"):
        decode(text + " " * 200)


@given(st.lists(st.text("ab<&ä", max_size=90), max_size=9))
def test_long_document_in_chunks_is_decoded_as_at_once(texts):
    text = "".join(f"<b c='{place}'><![CDATA[{each}]]></b>" for place, each in enumerate(texts))
    document = f"<a>{text}</a>"
    expected = decode(document)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(xml, "MAX_TAG_BYTES", 32)
        patched.setattr(xml, "_CHUNK_BYTES", 8)
        assert decode(document) == expected


@given(st.integers(0, 8), st.integers(0, 4), st.integers(1, 12))
def test_elements_and_attributes_count_up_to_the_limit(elements, attributes, limit):
    text = "<a" + "".join(f" x{n}='1'" for n in range(attributes)) + ">" + "<b/>" * elements + "</a>"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(xml, "MAX_PARTS", limit)
        if 1 + attributes + elements <= limit:
            assert decode(text)
        else:
            with pytest.raises(DecodeError, match="elements and attributes"):
                decode(text)


@given(st.integers(0, 90), st.integers(1, 200), st.integers(0, 90))
def test_tag_up_to_the_limit_is_read_and_of_twice_it_never(before, size, after):
    text = "<a>" + "x" * before + "<!--" + "c" * (size - 7) + "-->" + "y" * after + "</a>"
    size = max(size, 7)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(xml, "MAX_TAG_BYTES", 64)
        patched.setattr(xml, "_CHUNK_BYTES", 16)
        if size <= 64:
            assert decode(text)
        elif size > 2 * 64:
            with pytest.raises(DecodeError, match="exceeds 64 bytes"):
                decode(text)
