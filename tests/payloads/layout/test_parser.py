import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.payloads.layout.parser import MAX_BYTES, MAX_FIELDS, LayoutError, parse

SIZES = {"u8": 1, "i24": 3, "u64": 8, "f16": 2, "f32[3]": 12, "bool[2]": 2, "bcd[3]": 3, "text[5]": 5, "bytes[7]": 7}


@pytest.mark.parametrize(
    ("layout", "reason"),
    [
        ("", "has no field"),
        ("...", "has no field"),
        ("a:u8 u8", "each field needs a name"),
        ("a:u8 a:u8", "two fields have the name 'a'"),
        ("a:int16", "did you mean i16?"),
        ("a:double", "did you mean f64?"),
        ("a:word", "expected u8 to u64"),
        ("a:u12", "unknown type 'u12'"),
        (">hB", "is not a field: expected NAME:TYPE"),
        ("a:text", "needs its number of bytes: text[8]"),
        ("a:bcd[]", "needs its number of bytes"),
        ("a:u8[0]", "has no elements"),
        ("a:u8[] b:u8", "'b:u8' follows after the end"),
        ("a:u8 ... b:u8", "'b:u8' follows after the end"),
        ("word_swap a:u24", "fields of whole 16-bit words"),
        ("word_swap a:bcd[3]", "'a:bcd[3]' has 3 bytes; word_swap is for fields of whole 16-bit words"),
        ("byte_swap a:u8 b:bcd[5]", "'b:bcd[5]' has 5 bytes"),
        ("a:u8[99999999]", "16,777,216 bytes"),
        (" ".join(f"f{number}:u8" for number in range(1001)), "more than 1,000 fields"),
    ],
)
def test_layout_that_is_faulty_is_reported(layout, reason):
    with pytest.raises(LayoutError) as error:
        parse(layout)
    assert reason in str(error.value)


@given(
    kinds=st.lists(st.sampled_from([*SIZES]), min_size=1, max_size=20),
    separator=st.sampled_from([" ", ", ", ",\n", "\t"]),
)
def test_fields_follow_each_other_without_gaps(kinds, separator):
    layout = parse(separator.join(f"f{number}:{kind}" for number, kind in enumerate(kinds)))
    ends = [sum(SIZES[kind] for kind in kinds[: number + 1]) for number in range(len(kinds))]
    assert [field.end for field in layout.fields] == ends
    assert [field.offset for field in layout.fields] == [0, *ends[:-1]]
    assert (layout.size, layout.open) == (ends[-1], False)


def test_order_applies_to_the_following_fields():
    layout = parse("a:u16 little b:u16 word_swap c:u32 byte_swap", order="byte_swap")
    assert [field.order for field in layout.fields] == ["byte_swap", "little", "word_swap"]
    assert layout.order == "byte_swap"


@pytest.mark.parametrize(
    ("text", "open_", "repeat", "size"),
    [
        ("a:u16 ...", True, None, 2),
        ("a:u16[]", False, -1, 0),
        ("a:u16[2]", False, 2, 4),
        ("a:text[]", False, -1, 0),
        ("a:text[4]", False, None, 4),
    ],
)
def test_end_of_a_layout_is_known(text, open_, repeat, size):
    layout = parse(text)
    assert (layout.open, layout.fields[-1].repeat, layout.size) == (open_, repeat, size)


def test_field_with_an_underscore_is_not_named():
    layout = parse("_:u8 a:u8 _:u8[3]")
    assert [field.name for field in layout.named] == ["a"]
    assert parse("u8").named == ()


@pytest.mark.parametrize(
    "text",
    [
        "word_swap a:text[3]",
        "byte_swap a:bytes[3]",
        "word_swap a:u8",
        "byte_swap a:bcd[1]",
        "little a:bcd[3]",
        "word_swap a:bcd[4]",
    ],
)
def test_field_that_has_no_partial_words_is_accepted(text):
    assert parse(text).fields


def test_layout_is_accepted_up_to_its_limits():
    assert parse(f"a:u8[{MAX_BYTES}]").size == MAX_BYTES
    assert len(parse("_:u8 " * MAX_FIELDS).fields) == MAX_FIELDS
    for text in (f"a:u8[{MAX_BYTES - 1}] b:u16", "_:u8 " * (MAX_FIELDS + 1), "a:u64[99999999]"):
        with pytest.raises(LayoutError, match="more than 1,000 fields or 16,777,216 bytes"):
            parse(text)


@pytest.mark.parametrize(
    "text", ["a:u8[100000000]", "a:u8[-1]", "a:u8[1]x", "1a:u8", "a:U8", "ä:u8", "a:u8[\u0661]", "a::u8"]
)
def test_word_that_is_no_field_is_reported(text):
    with pytest.raises(LayoutError, match="is not a field"):
        parse(text)


def test_further_bytes_cannot_be_followed_by_an_order():
    with pytest.raises(LayoutError, match="'little' follows after the end"):
        parse("a:u8 ... little")
