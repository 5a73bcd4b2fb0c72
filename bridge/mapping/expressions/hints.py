"""Texts of the errors in an expression: what is wrong at an offset, and what to write instead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bridge.mapping.expressions.advice import advice

if TYPE_CHECKING:
    from bridge.mapping.expressions.syntax.lexer import ExpressionToken

_LITERALS: Final = {
    **{name: name for name in ("true", "false", "null")},
    **dict.fromkeys(("None", "nil", "NULL", "Null", "undefined"), "null"),
    **dict.fromkeys(("True", "TRUE"), "true"),
    **dict.fromkeys(("False", "FALSE"), "false"),
}
LITERALS: Final = frozenset(_LITERALS)
"""Values that are read as names without back quotes. Some of them are values only in other languages."""
# Kinds of tokens, in words for a person.
_WORDS: Final = {
    "quoted_identifier": "a name",
    "unquoted_identifier": "a name",
    "lbracket": "[",
    "lbrace": "{",
    "rbracket": "]",
    "rbrace": "}",
    "rparen": ")",
    "colon": "':'",
    "comma": "','",
    "dot": "'.'",
    "number": "a number",
    "star": "a number or *",
    "variable": "a variable ($name)",
    "assign": "'='",
}
_WORD: Final = re.compile(r"[A-Za-z_]\w*")
_NUMBER: Final = re.compile(r"-?\d[\d.]*")
_VARIABLE: Final = re.compile(r"\$[A-Za-z_]\w*")


def expected(kinds: tuple[str, ...], text: str, offset: int) -> str:
    """Return the error text, with any advice, for a token that is of none of these kinds."""
    wanted = " or ".join(dict.fromkeys(_WORDS[kind] for kind in kinds))
    return _advised(f"expected {wanted} here, found {_shown(text, offset)}", text, offset)


def misplaced(text: str, offset: int) -> str:
    """Return the error text, with any advice, for a token that is not possible at `offset`."""
    return _advised(f"{_shown(text, offset)} is unexpected here", text, offset)


def _advised(message: str, text: str, offset: int) -> str:
    found = advice(text, offset)
    return f"{message}; {found}" if found else message


def _shown(text: str, offset: int) -> str:
    """Return the word, number, variable or character at `offset`, in quotes, or "the end" if there is none."""
    for pattern in (_WORD, _NUMBER, _VARIABLE):
        word = pattern.match(text, offset)
        if word:
            return f"'{word[0]}'"
    if offset >= len(text):
        return "the end"
    return "a quote" if text[offset] in "'\"`" else f"'{text[offset]}'"


def ended(unclosed: ExpressionToken | None) -> str:
    """Return the error text if a text ends too early. `unclosed` is the innermost bracket that is not closed."""
    return f"'{unclosed.value}' is never closed" if unclosed else "the expression ends too early"


def of_method(name: str, text: str, offset: int) -> str:
    """Return advice if the call at `offset` stands behind a dot, as a method does in other languages; else ""."""
    return f"; write {name}(value, …), not value.{name}(…)" if text[:offset].rstrip().endswith(".") else ""


def unknown_name(name: str, text: str) -> str:
    """Return advice about an unknown name; "" if there is none."""
    literal = _LITERALS.get(name)
    if literal:
        return f"{literal} is written in back quotes: `{literal}`"
    if f'"{name}"' in text:
        return f"in double quotes it is a name; write a text in single quotes: '{name}'"
    return ""
