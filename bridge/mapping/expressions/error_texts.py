"""Texts of errors in expressions. A text says what is wrong and, if possible, what to write instead (`advice.py`)."""

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
"""Words for true, false and null in several languages. Without back quotes, JMESPath reads them as names of fields."""
# Names of the kinds of tokens in error texts.
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


def unfitting_token(kinds: tuple[str, ...], text: str, offset: int) -> str:
    """Return the error text for a token at `offset` that should have one of the `kinds`. Add advice if there is any."""
    wanted = " or ".join(dict.fromkeys(_WORDS[kind] for kind in kinds))
    return _advised(f"expected {wanted} here, found {_shown(text, offset)}", text, offset)


def unexpected_token(text: str, offset: int) -> str:
    """Return the error text for a token at `offset` that is not possible there. Add advice if there is any."""
    return _advised(f"{_shown(text, offset)} is unexpected here", text, offset)


def _advised(message: str, text: str, offset: int) -> str:
    found = advice(text, offset)
    return f"{message}; {found}" if found else message


def _shown(text: str, offset: int) -> str:
    """Return the word, number, variable or character at `offset` in quotes, or "the end" at the end of the text."""
    for pattern in (_WORD, _NUMBER, _VARIABLE):
        word = pattern.match(text, offset)
        if word:
            return f"'{word[0]}'"
    if offset >= len(text):
        return "the end"
    return "a quote" if text[offset] in "'\"`" else f"'{text[offset]}'"


def unexpected_end(unclosed: ExpressionToken | None) -> str:
    """Return the error text for an expression that ends too early.

    `unclosed` is the innermost bracket that is not closed, or None.
    """
    return f"'{unclosed.value}' is never closed" if unclosed else "the expression ends too early"


def method_call_advice(name: str, text: str, offset: int) -> str:
    """Return advice for a call at `offset` that is written like a method of another language, as in `a.upper()`.

    Return "" if there is no dot before the name of the function.
    """
    return f"; write {name}(value, …), not value.{name}(…)" if text[:offset].rstrip().endswith(".") else ""


def unknown_name_advice(name: str, text: str) -> str:
    """Return advice for a name that the scope does not have, or "" if there is no advice."""
    literal = _LITERALS.get(name)
    if literal:
        return f"{literal} is written in back quotes: `{literal}`"
    if f'"{name}"' in text:
        return f"in double quotes it is a name; write a text in single quotes: '{name}'"
    return ""
