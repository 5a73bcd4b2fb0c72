"""Layouts of binary data: texts that the functions `unpack`, `unpack_registers` and `unpack_tlv` accept.

notation.py    parser: from the text to fields
readers.py     one reader for each type of field
record.py      data of fixed layout
items.py       items of type, length and value, in any order

A layout is a list of fields, separated by blanks, commas or line breaks: `temperature:i16 humidity:u8 serial:text[8]`.

    NAME:TYPE       one value; NAME may be missing if it is the only field, whose value is then the result
    NAME:TYPE[4]    a list of 4 values; [] at the end of a layout: all remaining ones
    _:TYPE          these bytes are skipped
    big, little, word_swap, byte_swap     the byte order of all fields from here on; big until then
    ...             at the end: more bytes may follow, which are skipped

    u8 u16 u24 u32 u40 u48 u56 u64, i8 … i64    whole numbers, without and with sign (two's complement)
    f16 f32 f64     IEEE 754; NaN and infinities are null
    bool            one byte, true unless it is 0
    bcd[4]          4 bytes of 2 decimal digits each: one number
    text[8]         8 bytes of UTF-8, to the first NUL
    bytes[8]        8 bytes, as a list of numbers from 0 to 255

Byte orders as Modbus gateways name them: big ABCD, little DCBA, word_swap CDAB, byte_swap BADC.
"""
