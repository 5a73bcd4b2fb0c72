import pytest

from bridge.payloads.layout.parser import LayoutError
from bridge.payloads.layout.tlv_items import compile_items

MILESIGHT = """
    little channel:u8 type:u8
    0x01 0x75 -> battery:u8
    0x03 0x67 -> temperature:i16
    0x04 0x68 -> humidity:u8
    0x20 0xce -> time:u32 temperature:i16 humidity:u8
"""
LPP = "channel:u8 type:u8; * 0x67 -> temperature:i16; * 0x88 -> latitude:i24 longitude:i24 altitude:i24"


def unpack(layout, text):
    return compile_items(layout)(bytes.fromhex(text))


def test_items_come_in_any_order():
    assert unpack(MILESIGHT, "04 68 71  01 75 64  03 67 10 01") == [
        {"channel": 4, "type": 0x68, "humidity": 0x71},
        {"channel": 1, "type": 0x75, "battery": 100},
        {"channel": 3, "type": 0x67, "temperature": 272},
    ]
    assert unpack(MILESIGHT, "") == []


def test_item_of_several_fields_has_the_byte_order_of_the_head():
    assert unpack(MILESIGHT, "20 ce 01 00 00 00 10 01 71")[0] | {"channel": 0} == {
        "channel": 0, "type": 0xCE, "time": 1, "temperature": 272, "humidity": 0x71,
    }  # fmt: skip


def test_star_stands_for_any_number():
    # The example of https://docs.mydevices.com/docs/lorawan/cayenne-lpp: two sensors of one type, and a position.
    assert unpack(LPP, "03 67 01 10 05 67 00 FF")[1] == {"channel": 5, "type": 0x67, "temperature": 255}
    assert unpack(LPP, "01 88 06 76 5f f2 96 0a 00 03 e8") == [
        {"channel": 1, "type": 0x88, "latitude": 423519, "longitude": -879094, "altitude": 1000}
    ]


def test_length_in_front_of_the_value_counts_the_value():
    layout = "tag:u8 length:u8; 1 -> name:text[]; 2 -> n:u16; * -> ..."
    assert unpack(layout, "01 02 41 42  07 03 00 00 00  02 02 01 00") == [
        {"tag": 1, "name": "AB"},
        {"tag": 2, "n": 256},
    ]


def test_length_in_front_of_the_type_counts_the_type_too():
    assert unpack("length:u8 type:u8; 0xff -> id:u8; * -> ...", "02 01 06  02 ff 05") == [{"type": 255, "id": 5}]


def test_unknown_item_without_a_length_ends_the_list_if_that_is_said():
    assert unpack(f"{MILESIGHT}\n * * -> ...", "01 75 64 ff 00 01 02 03") == [
        {"channel": 1, "type": 0x75, "battery": 100}
    ]


@pytest.mark.parametrize(
    ("layout", "data", "reason"),
    [
        (MILESIGHT, "01 75 64 09 09", "no layout for the item 0x09 0x09 at byte 3; `* * -> ...` skips it"),
        (MILESIGHT, "01 75 64 03", "the item at byte 3 ends early: its head has 2 bytes"),
        (MILESIGHT, "03 67 01", "the item at byte 0 ends early: its value has 2 bytes, found 1"),
        ("t:u8 length:u8; 1 -> n:u16", "01 01 00", "the item at byte 0: the layout needs 2 bytes, found 1"),
        ("t:u8 length:u8; 1 -> n:u16", "01 ff 00", "its value has 255 bytes, found 1"),
        ("length:u8 t:u8; 1 -> n:u8", "00 01 00", "its value has -1 bytes"),
    ],
)
def test_data_of_another_form_is_rejected_with_its_place(layout, data, reason):
    with pytest.raises(ValueError, match="item") as error:
        unpack(layout, data)
    assert reason in str(error.value)


@pytest.mark.parametrize(
    ("layout", "reason"),
    [
        ("", "expected the head of an item"),
        ("t:u8", "expected the head of an item"),
        ("1 -> a:u8; 2 -> b:u8", "the first line is the head"),
        ("t:i8; 1 -> a:u8", "whole numbers with names"),
        ("t:f32; 1 -> a:u8", "whole numbers with names"),
        ("t:u8[2]; 1 -> a:u8", "whole numbers with names"),
        ("length:u8; 1 -> a:u8", "needs a key"),
        ("t:u8 ...; 1 -> a:u8", "needs a key"),
        ("t:u8; 1 a:u8", "expected T -> FIELDS"),
        ("t:u8; 1 2", "expected T -> FIELDS"),
        ("t:u8; 1 2 -> a:u8", "expected T -> FIELDS"),
        ("t:u8; x -> a:u8", "'x' is not a key"),
        ("t:u8; 1 -> u8", "the fields of an item need names"),
        ("t:u8; 1 -> a:u8[]", "the size of each value must be fixed"),
        ("t:u8; 1 -> a:u8 ...", "the size of each value must be fixed"),
        ("t:u8; 1 -> t:u8", "the head has a field 't' too"),
        ("t:u8; 1 -> a:int", "did you mean i32?"),
    ],
)
def test_faulty_layout_is_reported(layout, reason):
    with pytest.raises(LayoutError) as error:
        compile_items(layout)
    assert reason in str(error.value)
