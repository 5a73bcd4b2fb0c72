"""Conversion of values to YAML text on one line (YAML 1.2, flow style). Parsing the text returns the same values."""

from __future__ import annotations

import re
from typing import Any

from bridge.yaml_files.scalar_types import resolve

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*", re.ASCII)
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_ONE_BYTE, _TWO_BYTES = 0xFF, 0xFFFF


def yaml_text(value: Any) -> str:
    """Return the YAML text for a JSON value."""
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) and resolve(value) == value else _quoted(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{yaml_text(key)}: {yaml_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(yaml_text, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value)


def comment(text: str) -> str:
    """Return text for a YAML comment. Escapes replace unprintable characters, because a line break ends the comment."""
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _quoted(text: str) -> str:
    return '"' + "".join(_ESCAPES.get(char) or (char if char.isprintable() else _escaped(char)) for char in text) + '"'


def _escaped(char: str) -> str:
    number = ord(char)
    if number <= _ONE_BYTE:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= _TWO_BYTES else f"\\U{number:08x}"
