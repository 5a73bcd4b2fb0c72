"""Functions that decode parts of a payload: text with JSON, base64 or hexadecimal digits, and lists of bytes."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any, Final

from bridge.durations import pluralize
from bridge.errors import DecodeError
from bridge.mapping.expressions.functions.function import MISSING, Binding, Function, Parameter, tried
from bridge.payloads.encodings import text_decoder
from bridge.payloads.json import JsonDecoder
from bridge.payloads.layout.fixed_layout import compile_layout
from bridge.payloads.layout.tlv_items import compile_items

# The type is "array" and not "array-number", because `packed` also checks the elements, and is twice as fast.
_BYTES: Final = Parameter("bytes", ("array",))
_TEXT: Final = Parameter("text", ("string",))
_LAYOUT: Final = Parameter("layout", ("string",))
_LAYOUTS: Final = "[layouts](layouts.md)"

# Translation table from the base64 alphabet for URLs to the standard alphabet.
_URL_SAFE: Final = str.maketrans("-_", "+/")
# Ignored characters between hexadecimal digits.
_BETWEEN_HEX: Final = re.compile(r"[\s:-]+")
# Values of a 16-bit register. Some gateways send registers as signed numbers, others as unsigned numbers.
_REGISTER: Final = range(-(2**15), 2**16)
_decode_json: Final = JsonDecoder().decode


def packed(values: list[Any]) -> bytes:
    """Return a list of integers as bytes. Raise ValueError for an element that is not an integer from 0 to 255."""
    try:
        return bytes(values)
    except (ValueError, TypeError):
        raise ValueError("bytes must be whole numbers from 0 to 255") from None


def _from_json(text: str) -> Any:
    try:
        return _decode_json(text.encode())
    except DecodeError as error:
        raise ValueError(error.detail) from None


def _from_base64(text: str) -> list[int]:
    # Devices differ in their base64. So both alphabets, line breaks and missing padding are accepted.
    plain = "".join(text.split()).translate(_URL_SAFE).rstrip("=")
    try:
        return list(base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True))
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"not base64: {str(error)[:80]}") from None


def _from_hex(text: str) -> list[int]:
    digits = _BETWEEN_HEX.sub("", text.strip().removeprefix("0x"))
    if len(digits) % 2:
        raise ValueError(f"not hexadecimal: {pluralize(len(digits), 'digit')}, which is an odd number")
    try:
        return list(bytes.fromhex(digits))
    except ValueError as error:
        raise ValueError(f"not hexadecimal: {error}") from None


def _to_text(values: list[Any], encoding: str = "utf-8") -> str:
    try:
        return text_decoder(encoding)(packed(values)).rstrip("\0")
    except DecodeError as error:
        raise ValueError(error.detail) from None


def _octets(registers: list[Any]) -> bytes:
    """Return 16-bit registers as bytes, with the high byte first. Raise ValueError if a number exceeds 16 bits."""
    if not all(type(each) is int and each in _REGISTER for each in registers):
        raise ValueError("registers must be whole numbers of 16 bits, from 0 to 65535 or from -32768 to 32767")
    return b"".join((each & 0xFFFF).to_bytes(2, "big") for each in registers)


_Compile = Callable[[str], Callable[[bytes], Any]]
_Pack = Callable[[list[Any]], bytes]


def _with_layout(compile_text: _Compile, pack: _Pack = packed) -> Callable[[list[Any], str], Any]:
    """Return the implementation for a layout that is not a literal. It compiles the layout for each message."""
    return lambda values, layout: compile_text(layout)(pack(values))


def _bound(compile_text: _Compile, pack: _Pack = packed) -> Callable[[Binding], Callable[..., Any]]:
    """Return a `bind` that compiles a literal layout once. The `bind` raises ValueError if the layout is faulty."""

    def bind(binding: Binding) -> Callable[..., Any]:
        layout = binding.literal(1)
        if layout is MISSING:
            return _with_layout(compile_text, pack)
        unpack = compile_text(layout)
        return lambda values, _layout: unpack(pack(values))

    return bind


DECODING: Final[tuple[Function, ...]] = (
    Function(
        "from_json",
        (_TEXT,),
        _from_json,
        "The value of a text that contains JSON. It is read like `payload: json`.",
        (("from_json('{\"t\": 21.5}').t", 21.5),),
        cost=6,
        bind=tried(_from_json, "0"),
    ),
    Function(
        "from_base64",
        (_TEXT,),
        _from_base64,
        "Decodes base64 text to a list of bytes. The alphabet for URLs and missing padding are accepted.",
        (("from_base64('AQL/')", [1, 2, 255]), ("from_base64('AQL_')", [1, 2, 255])),
        cost=6,
        size_factor=4,
        bind=tried(_from_base64, ""),
    ),
    Function(
        "from_hex",
        (_TEXT,),
        _from_hex,
        "Decodes text of hexadecimal digits to a list of bytes. Blanks, `:` and `-` between digits are ignored.",
        (("from_hex('01 02 FF')", [1, 2, 255]), ("from_hex('0x0102ff')", [1, 2, 255])),
        cost=6,
        size_factor=2,
        bind=tried(_from_hex, ""),
    ),
    Function(
        "to_text",
        (_BYTES, Parameter("encoding", ("string",))),
        _to_text,
        "Decodes a list of bytes to text. NULs at the end are removed. The encoding is utf-8 by default. Others are "
        "latin-1, windows-1252, utf-16-le and so on.",
        (("to_text(`[79, 75]`)", "OK"), ("to_text(`[71, 114, 246, 223, 101]`, 'latin-1')", "Größe")),
        optional=1,
        cost=6,
        bind=tried(_to_text, [], "utf-8"),
    ),
    Function(
        "unpack",
        (_BYTES, _LAYOUT),
        _with_layout(compile_layout),
        f"Decodes a list of bytes with a fixed layout to an object. The layout names the values: see {_LAYOUTS}.",
        (
            ("unpack(`[1, 4, 200]`, 't:i16 h:u8')", {"t": 260, "h": 200}),
            ("unpack(`[0, 0, 65, 168]`, 'word_swap f32')", 21.0),
        ),
        cost=20,
        size_factor=2,
        bind=_bound(compile_layout),
    ),
    Function(
        "unpack_registers",
        (Parameter("registers", ("array",)), _LAYOUT),
        _with_layout(compile_layout, _octets),
        f"Decodes a list of 16-bit registers, as Modbus gateways send them, to an object: see {_LAYOUTS}.",
        (("unpack_registers(`[0, 16808, 7]`, 'word_swap t:f32 n:u16')", {"t": 21.0, "n": 7}),),
        cost=20,
        size_factor=2,
        bind=_bound(compile_layout, _octets),
    ),
    Function(
        "unpack_tlv",
        (_BYTES, _LAYOUT),
        _with_layout(compile_items),
        f"Decodes a list of bytes that consists of items (type, optional length, value) in any order: see {_LAYOUTS}.",
        (
            (
                "unpack_tlv(`[3, 103, 16, 1]`, 'little ch:u8 type:u8; 0x03 0x67 -> t:i16')",
                [{"ch": 3, "type": 103, "t": 272}],
            ),
        ),
        cost=40,
        size_factor=20,
        bind=_bound(compile_items),
    ),
)
