"""Lexer: converts the text of an expression to a list of tokens.

The tokens are those of the `jmespath` package, plus these tokens of the JMESPath Community specification: variables
(`$name` and `=`), the signs of arithmetic (`+ - * / % //`, and the Unicode signs for minus, times and division), and
`?`. Numbers with a fraction or an exponent are an extension of this program.

A `-` directly before a digit belongs to the number, as in `[-1]`. But after an operand, the `-` is a subtraction, as in
`a -1`.
"""

from __future__ import annotations

import json
import re
import warnings
from typing import Any, Final, NamedTuple

# Kinds of the tokens with a fixed text. `_TOKEN` sorts them by length, so that `||` is not read as two tokens `|`.
_SIGNS: Final = {
    ".": "dot",
    "*": "star",
    "]": "rbracket",
    ",": "comma",
    ":": "colon",
    "@": "current",
    "(": "lparen",
    ")": "rparen",
    "{": "lbrace",
    "}": "rbrace",
    "[]": "flatten",
    "[?": "filter",
    "[": "lbracket",
    "||": "or",
    "|": "pipe",
    "&&": "and",
    "&": "expref",
    "<=": "lte",
    "<": "lt",
    ">=": "gte",
    ">": "gt",
    "!=": "ne",
    "!": "not",
    "==": "eq",
    "=": "assign",
    "?": "question",
    "+": "plus",
    "-": "minus",
    "\N{MINUS SIGN}": "minus",
    "\N{MULTIPLICATION SIGN}": "multiply",
    "//": "div",
    "/": "divide",
    "\N{DIVISION SIGN}": "divide",
    "%": "modulo",
}

_TOKEN: Final = re.compile(
    r"(?P<space>[ \t\n\r]+)"
    r"|(?P<unquoted_identifier>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<variable>\$[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<number>-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<raw>'(?:[^'\\]|\\.)*')"
    r'|(?P<quoted_identifier>"(?:[^"\\]|\\.)*")'
    r"|(?P<literal>`(?:[^`\\]|\\.)*`)"
    rf"|(?P<sign>{'|'.join(map(re.escape, sorted(_SIGNS, key=len, reverse=True)))})",
    re.DOTALL,
)
OPERAND_ENDS: Final = frozenset(
    ("unquoted_identifier", "quoted_identifier", "variable", "number", "literal", "current", "flatten")
) | {"rparen", "rbracket", "rbrace"}
"""Kinds of tokens that end an operand, so that a `-` after them is a subtraction.

A `*` can end an operand (`a.*`) or be a multiplication. `*` is not in the set, because `a * -1` is more likely than
`a.* -1`.
"""


class ExpressionToken(NamedTuple):
    """One token. `start` and `end` are its offsets in the text, in characters."""

    kind: str
    value: Any
    start: int
    end: int


class LexerError(ValueError):
    """Error at a position without a valid token, for example for an unknown character or an invalid literal.

    `offset` is the position. If `message` is empty, the character at this position cannot begin a token.
    """

    def __init__(self, offset: int, message: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


def tokens(text: str) -> list[ExpressionToken]:
    """Return the tokens of a text. The kind of the last token is "eof". Raise LexerError."""
    found: list[ExpressionToken] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise LexerError(position, "unterminated string literal" if text[position] in "'\"`" else "")
        kind = str(match.lastgroup)
        end = match.end()
        if kind == "number" and match[0][0] == "-" and found and found[-1].kind in OPERAND_ENDS:
            kind, end = "sign", position + 1
        if kind != "space":
            found.append(_token(kind, text[position:end], position, end))
        position = end
    found.append(ExpressionToken("eof", "", len(text), len(text)))
    return found


def _token(kind: str, text: str, start: int, end: int) -> ExpressionToken:
    """Return the token with this text. Raise LexerError for a literal or a quoted name that is not JSON."""
    if kind == "sign":
        return ExpressionToken(_SIGNS[text], text, start, end)
    if kind == "raw":
        return ExpressionToken("literal", text[1:-1].replace("\\'", "'"), start, end)
    if kind == "literal":
        return ExpressionToken(kind, _literal(text[1:-1].replace("\\`", "`"), start), start, end)
    if kind == "quoted_identifier":
        try:
            return ExpressionToken(kind, json.loads(text), start, end)
        except ValueError as error:
            raise LexerError(start, f"the name in double quotes is not valid: {str(error).split(':')[0]}") from None
    return ExpressionToken(kind, text[1:] if kind == "variable" else text, start, end)


def _literal(text: str, start: int) -> Any:
    """Return the value of a literal in back quotes. Raise LexerError if it is not JSON."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    # In back quotes, text without double quotes is deprecated by the specification, but the `jmespath` package accepts
    # it: `foo` in back quotes is the text "foo".
    try:
        value = json.loads(f'"{text.lstrip()}"')
    except ValueError:
        raise LexerError(start, f"the literal in back quotes is not JSON: `{text[:40]}`") from None
    warnings.warn("deprecated string literal syntax", PendingDeprecationWarning, stacklevel=2)
    return value
