"""Division of a `.proto` file into tokens with their positions.

Specification: https://protobuf.dev/reference/protobuf/proto3-spec/.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.payloads.schema_files import SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterator

END: Final = ""
"""Text of the token that marks the end of the file."""

_TOKEN: Final = re.compile(
    r"""
    (?P<blank>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<name>\.?[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
    |(?P<number>[0-9](?:[eE][+-][0-9]+|[0-9A-Za-z_.])*)
    |(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<sign>[{}\[\]()<>=;,:.\-+/])
    """,
    re.VERBOSE | re.DOTALL,
)


class ProtoToken(NamedTuple):
    """A token. `kind` is name, number, text, sign or end. In a token of kind text, `text` has no quotes."""

    kind: str
    text: str
    line: int
    column: int


class Tokens:
    """The tokens of a file, which are taken one by one."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0

    @property
    def next(self) -> ProtoToken:
        """The next token. Reading this property does not take it."""
        return self._tokens[self._at]

    def take(self) -> ProtoToken:
        """Take the next token and return it. At the end of the file, each call returns the token of kind end."""
        token = self._tokens[self._at]
        self._at += token.kind != "end"
        return token

    def skip(self, text: str) -> bool:
        """If the next token is `text`, take it and return True. Otherwise return False."""
        found = self.next.text == text and self.next.kind != "text"
        if found:
            self.take()
        return found

    def expect(self, text: str) -> None:
        """Take the next token. Raise SchemaError if it is not `text`."""
        if not self.skip(text):
            raise self.error(f"'{text}'")

    def name(self, what: str) -> str:
        """Take a name and return its text. Raise SchemaError if the next token is not a name."""
        if self.next.kind != "name":
            raise self.error(what)
        return self.take().text

    def number(self, what: str) -> int:
        """Take a whole number, with or without a minus sign, and return it. Raise SchemaError for another token."""
        negative = self.skip("-")
        if self.next.kind != "number":
            raise self.error(what)
        try:
            value = int(self.next.text, 0) if not re.fullmatch("0[0-7]+", self.next.text) else int(self.next.text, 8)
        except ValueError:
            raise self.error(what) from None
        self.take()
        return -value if negative else value

    def string(self, what: str) -> str:
        """Take a quoted text and return it. Raise SchemaError if the next token is not quoted."""
        if self.next.kind != "text":
            raise self.error(what)
        return self.take().text

    def error(self, expected: str) -> SchemaError:
        """Return an error with the expected token, the next token, and its position."""
        token = self.next
        found = "the end" if token.kind == "end" else f"'{token.text[:40]}'"
        return SchemaError(f"line {token.line}, column {token.column}: expected {expected}, found {found}")


def _tokens(text: str) -> Iterator[ProtoToken]:
    """Yield all tokens. The last one has the kind end. Raise SchemaError for a character that cannot begin a token."""
    at, line, begin = 0, 1, 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise SchemaError(f"line {line}, column {at - begin + 1}: '{text[at]}' is unexpected here")
        kind, word = str(found.lastgroup), found[0]
        if kind != "blank":
            yield ProtoToken(kind, word[1:-1] if kind == "text" else word, line, at - begin + 1)
        line += word.count("\n")
        if "\n" in word:
            begin = at + word.rindex("\n") + 1
        at = found.end()
    yield ProtoToken("end", END, line, at - begin + 1)
