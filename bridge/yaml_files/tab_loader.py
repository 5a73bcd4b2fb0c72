"""yaml's Python parser, extended to accept the tabs that YAML 1.2 allows.

Between two tokens, the parser of yaml skips spaces but no tabs. YAML 1.2 also allows tabs there: after a key or value,
before a comment, in an empty line, and in brackets. YAML forbids tabs in the indentation, and so does this loader.
https://yaml.org/spec/1.2.2/#62-separation-spaces
"""

from __future__ import annotations

from typing import Any, Final

import yaml

_BREAKS: Final = "\0\r\n\x85\u2028\u2029"
_BLANKS: Final = (" ", "\t")


class TabLoader(yaml.SafeLoader):
    """Loader that skips tabs like spaces, except in the indentation.

    Its two public methods override methods of `yaml.scanner.Scanner`.
    """

    allow_simple_key: bool
    flow_level: int

    def scan_to_next_token(self) -> None:
        """Skip blanks, comments and line breaks before the next token."""
        scanner: Any = self
        if scanner.index == 0 and scanner.peek() == "\ufeff":
            scanner.forward()
        while True:
            while self._at_skippable():
                scanner.forward()
            if scanner.peek() == "#":
                while scanner.peek() not in _BREAKS:
                    scanner.forward()
            if not scanner.scan_line_break():
                return
            if not self.flow_level:
                self.allow_simple_key = True

    def _at_skippable(self) -> bool:
        """Return whether the next character is a space or tab that separates tokens.

        A space always separates tokens. A tab separates tokens in brackets, in positions where no key can begin, and
        before a comment or the end of the line. Any other tab belongs to the indentation.
        """
        scanner: Any = self
        following = scanner.peek()
        if following != "\t":
            return bool(following == " ")
        if self.flow_level or not self.allow_simple_key:
            return True
        length = 1
        while scanner.peek(length) in _BLANKS:
            length += 1
        return scanner.peek(length) in f"#{_BREAKS}"

    def scan_plain_spaces(self, indent: int, start_mark: Any) -> list[str]:
        """Return the spaces and tabs within an unquoted text, up to its next word."""
        scanner: Any = self
        length = 0
        while scanner.peek(length) in _BLANKS:
            length += 1
        blanks = scanner.prefix(length)
        if "\t" not in blanks:
            return super().scan_plain_spaces(indent, start_mark) or []
        scanner.forward(length)
        at_break = scanner.peek() in _BREAKS
        return (super().scan_plain_spaces(indent, start_mark) or []) if at_break else [blanks]
