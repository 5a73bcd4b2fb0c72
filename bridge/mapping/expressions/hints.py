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
_LITERALS: Final = ("true", "false", "null")
_SIGNS: Final = {
    "=": "'==' compares, '!=' compares for being different",
    "+": "write add(a, b)",
    "*": "write multiply(a, b); or `x.*` for all values of an object",
    "/": "write divide(a, b)",
    "%": "write modulo(a, b)",
    "$": "a mapping has no ${...}, which is for bridge.yaml only; the payload is `payload`, not $",
    "?": "write if(condition, then, else)",
    "<": "'!=' compares for being different",
    ">": "'!=' compares for being different",
    "&": "write && for 'and'",
    "-": 'write subtract(a, b); a name with - in it stands in double quotes: payload."a-b"',
}
# Token types of the jmespath lexer, in words for a person.
_WORDS: Final = {
    "quoted_identifier": "a name",
    "unquoted_identifier": "a name",
    "lbracket": "[",
    "lbrace": "{",
    "rbracket": "]",
    "rbrace": "}",
    "lparen": "(",
    "rparen": ")",
    "colon": "':'",
    "comma": "','",
    "star": "a number or *",
}
_EXPECTING: Final = re.compile(r"Expecting: (.+), got: \w+")
_WORD: Final = re.compile(r"[A-Za-z_]\w*")
_NUMBER: Final = re.compile(r"-?\d[\d.]*")


def explained(message: str, text: str, offset: int) -> str:
    """Return the parser's message about the text at `offset` in plain words, with advice if there is any."""
    if message.startswith("Unclosed"):
        return "unterminated string literal"
    said = _in_words(message, text, offset)
    advice = _advice(text, offset)
    return f"{said}; {advice}" if advice else said


def _in_words(message: str, text: str, offset: int) -> str:
    """Return the parser's message in plain words; an unknown message is returned unchanged."""
    found = _shown(text, offset)
    expecting = _EXPECTING.match(message)
    if expecting:
        kinds = re.findall(r"\w+", expecting[1])
        wanted = " or ".join(dict.fromkeys(_WORDS.get(kind, kind) for kind in kinds))
        return f"expected {wanted} here, found {found}"
    if message.startswith(("Unexpected token", "Unknown token", "invalid token", "Invalid token")):
        return f"{found} cannot stand here"
    return message


def _shown(text: str, offset: int) -> str:
    """Return the word, number or character at `offset`, in quotes, or "the end" behind the text."""
    for pattern in (_WORD, _NUMBER):
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
    before = text[:offset].rstrip()
    if number and not before.endswith("."):
        # After an operand, a minus sign is a subtraction; after one of these characters, it belongs to the number.
        if number[0].startswith("-") and before[-1:] not in "<>=!(,:[{|&":
            return _SIGNS["-"]
        return f"a number is written in back quotes: `{number[0]}`"
    # After a dot, the digits are the beginning of a name.
    if number:
        return f'a name that begins with a digit stands in double quotes: "{number[0]}"'
    if text[offset : offset + 1] == "'":
        return "a name stands in double quotes, or in none"
    return _SIGNS.get(text[offset : offset + 1], "")


def _after_not(text: str, offset: int) -> str:
    return "write ! for 'not'" if re.search(r"\bnot\s+$", text[:offset]) else ""


def unknown_name(name: str, text: str) -> str:
    """Return advice about an unknown name; "" if there is none."""
    if name in _LITERALS:
        return f"{name} is written in back quotes: `{name}`"
    if f'"{name}"' in text:
        return f"in double quotes it is a name; text stands in single quotes: '{name}'"
    return ""
