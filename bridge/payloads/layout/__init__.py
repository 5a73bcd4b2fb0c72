"""Layouts of binary data. A layout is a text that the functions `unpack`, `unpack_registers` and `unpack_tlv` accept.

parser.py         parser of layouts
field_types.py    types of fields, each with a function that reads its values
fixed_layout.py   data in which each field has a fixed offset
tlv_items.py      data that consists of items with type, length and value, in any order

A layout is a list of fields, separated by blanks, commas or line breaks: `temperature:i16 humidity:u8 serial:text[8]`.

    NAME:TYPE       one value
    TYPE            one value without a name, as the only field: the result is this value, and not an object
    NAME:TYPE[4]    a list of 4 values
    NAME:TYPE[]     a list of all remaining values; only as the last field
    _:TYPE          bytes to skip
    big, little, word_swap, byte_swap     the byte order of all following fields; the default is big
    ...             at the end: further bytes may follow, and are skipped

    u8 u16 u24 u32 u40 u48 u56 u64, i8 … i64    whole numbers, without and with sign (two's complement)
    f16 f32 f64     IEEE 754 floats; NaN and infinities become null
    bool            one byte: false if it is 0, otherwise true
    bcd[4]          one number of 8 decimal digits, in 4 bytes
    text[8]         8 bytes of UTF-8; the text ends at the first NUL
    bytes[8]        8 bytes, as a list of numbers from 0 to 255

In Modbus gateways, big is called ABCD, little DCBA, word_swap CDAB, and byte_swap BADC.
"""
