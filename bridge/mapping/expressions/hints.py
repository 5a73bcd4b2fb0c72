"""Hints for syntax errors: each hint shows what to write instead.

Most people who edit a mapping know SQL, Python or JavaScript better than JMESPath.
"""

from __future__ import annotations

import re
from typing import Final

_FOREIGN_WORDS: Final = {
    "and": "write && for 'and'",
    "or": "write || for 'or'",
    "is": "write == to compare, as in: payload.a == `null`",
    "in": "write contains(list, value)",
}
LITERALS: Final = frozenset({"true", "false", "null"})
"""Values that are names unless they stand in back quotes."""
_SIGNS: Final = {
    "=": "'==' tests for equality, '!=' for inequality",
    "$": "a mapping has no ${...}, which is for bridge.yaml only; the payload is $payload",
    "<": "'!=' tests for inequality",
    ">": "'!=' tests for inequality",
    "&": "write && for 'and'",
    "^": "write power(base, exponent)",
    ";": "an expression has no statements: `let $name = value in expression` names a value",
}
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
    """Return the error text if a token is of none of these kinds, with advice if there is any."""
    wanted = " or ".join(dict.fromkeys(_WORDS[kind] for kind in kinds))
    return _advised(f"expected {wanted} here, found {_shown(text, offset)}", text, offset)


def misplaced(text: str, offset: int) -> str:
    """Return the error text for a token that is not possible at `offset`, with advice if there is any."""
    return _advised(f"{_shown(text, offset)} cannot stand here", text, offset)


def _advised(message: str, text: str, offset: int) -> str:
    advice = _advice(text, offset)
    return f"{message}; {advice}" if advice else message


def _shown(text: str, offset: int) -> str:
    """Return the word, number, variable or character at `offset`, in quotes, or "the end" if there is none."""
    for pattern in (_WORD, _NUMBER, _VARIABLE):
        word = pattern.match(text, offset)
        if word:
            return f"'{word[0]}'"
    if offset >= len(text):
        return "the end"
    return "a quote" if text[offset] in "'\"`" else f"'{text[offset]}'"


def _advice(text: str, offset: int) -> str:
    """Return advice about the text at `offset`; "" if there is none."""
    word = _WORD.match(text, offset)
    if word:
        return _FOREIGN_WORDS.get(word[0]) or _after_not(text, offset)
    number = _NUMBER.match(text, offset)
    if number:
        # After a dot, the digits are the beginning of a name.
        after_dot = text[:offset].rstrip().endswith(".")
        return f'a name that begins with a digit stands in double quotes: "{number[0]}"' if after_dot else ""
    if text[offset : offset + 1] == "'":
        return "a name stands in double quotes, or in none"
    return "" if _VARIABLE.match(text, offset) else _SIGNS.get(text[offset : offset + 1], "")


def _after_not(text: str, offset: int) -> str:
    return "write ! for 'not'" if re.search(r"\bnot\s+$", text[:offset]) else ""


def unknown_name(name: str, text: str) -> str:
    """Return advice about an unknown name; "" if there is none."""
    if name in LITERALS:
        return f"{name} is written in back quotes: `{name}`"
    if f'"{name}"' in text:
        return f"in double quotes it is a name; text stands in single quotes: '{name}'"
    return ""
