"""Explanations of text that is not YAML, with advice. The function `text_begins` finds where a value's text begins.

A message never shows more than one character of the text, because the text may be a password.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from bridge.yaml_files.nodes import NOWHERE, Position

LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Pattern of a bracket, or of a text in quotes. Brackets inside a text in quotes do not count.
# A text without a closing quote matches up to the end. Otherwise, the search would start again at each quote in that
# text, and take quadratic time.
_BRACKETS = re.compile(r"""[][{}]|"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|'[^']*+(?:'|\Z)""", re.DOTALL)
_ANCHOR = re.compile(r"&\S+\s+")
# Pattern of a line such as `topic: {site}/press`. YAML reads `{site}` as a table, which no text may follow.
_HALF_QUOTED = re.compile(r"""\s*(?:- +)?[\w-]+: +(?:\{[^{}"']*\}|\[[^][]*\])[^\s,#\]}]""")
_QUOTED = "; if this is the beginning of a text, put the complete text in quotes, or after '|' on lines of its own"

_BACKSLASH = "a backslash inside \"...\" must be doubled; inside '...' it stands for itself"
_REFERENCE = 'inside {} and [] a reference must be in quotes: "${NAME}"'

# Explanations by the beginning of yaml's problem text. The first entry that matches is used.
_EXPLANATIONS = (
    ("found character '\\t'", "a tab; outside of texts, only spaces are accepted here"),
    (
        "mapping values are not allowed here",
        "': ' inside a text that has no quotes, a key at the wrong indentation, or no space after ':' in the key above",
    ),
    ("found character", "a character that cannot begin a value" + _QUOTED),
    ("found unexpected end of stream", "unterminated string literal"),
    ("found unexpected document separator", "unterminated string literal"),
    ("found unknown escape character", _BACKSLASH),
    ("expected escape sequence", _BACKSLASH),
    ("could not find expected ':'", "expected ':' after a key, or indentation of a continued text"),
    ("expected ',' or", "expected ',' or the closing bracket" + _QUOTED),
    ("expected <block end>", "expected the next key or item at the indentation of the one before" + _QUOTED),
    ("did not find expected", "not YAML from here on" + _QUOTED),
    ("sequence entries are not allowed here", "a list item ('- ') must begin on a line of its own"),
    ("mapping keys are not allowed here", "a key ('? ') must begin on a line of its own"),
    ("found undefined tag handle", "a tag ('!'), which is not used here; text that begins with '!' must be in quotes"),
    ("found duplicate", "a directive ('%') twice"),
    ("found incompatible YAML document", "the '%YAML' line requires another version of YAML; remove it"),
)


def decode(text: str | bytes) -> tuple[str, Position, str]:
    """Return a tuple of the text without its byte-order mark, NOWHERE, and "".

    If the text is not valid, return a tuple of "", the position of the fault, and the message.
    """
    if isinstance(text, bytes):
        try:
            source = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            before = text[: error.start].decode("utf-8-sig", "replace")
            kind = " (it looks like UTF-16)" if text[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
            found = f"byte 0x{text[error.start]:02x}"
            return "", position_after(before), f"not UTF-8{kind}: {found}; save the file as UTF-8"
    else:
        source = text.removeprefix("\ufeff")
    bad = _NOT_TEXT.search(source)
    if bad:
        return "", position_after(source[: bad.start()]), f"the character U+{ord(bad[0]):04X} is not allowed in YAML"
    return source, NOWHERE, ""


def position_after(text: str) -> Position:
    """Return the position just after `text`."""
    lines = LINE_BREAK.split(text)
    return Position(len(lines), len(lines[-1]) + 1)


def explain(error: Exception, lines: list[str]) -> tuple[Position, str]:
    """Return the position and the explanation of an error that yaml raised."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return NOWHERE, "not YAML: an escape in \"...\", or a number in a '%' line, is out of range"
    return _never_closed(error, lines) or _explain_at(error, error.problem_mark, lines)


def _explain_at(error: yaml.MarkedYAMLError, mark: yaml.Mark, lines: list[str]) -> tuple[Position, str]:
    """Return the position of a mark, and the explanation of the problem at this position."""
    place = Position(mark.line + 1, mark.column + 1)
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    # The tab is reported first, because yaml's own message names only a consequence of the tab.
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return place, "a tab in the indentation: YAML allows spaces only"
    problem = error.problem or ""
    if _HALF_QUOTED.match(line):
        return place, "a text that begins with '{' or '[' must be in quotes, or after '|' on lines of its own"
    if "${" in line[: place.column] and problem.startswith("expected ',' or"):
        return place, _REFERENCE
    if line[place.column - 1 : place.column] in ("]", "}") and problem.startswith("expected <block end>"):
        return place, f"'{line[place.column - 1]}' closes nothing: no bracket is open here"
    for beginning, explanation in _EXPLANATIONS:
        if problem.startswith(beginning):
            return place, explanation
    return place, "not YAML from here on" + _QUOTED


def _never_closed(error: yaml.MarkedYAMLError, lines: list[str]) -> tuple[Position, str] | None:
    """Return the position of a quote or bracket that is never closed, and the message. Return None for other errors.

    yaml reports the end of the file or the next invalid token. But the user needs the opening quote or bracket.
    """
    mark, problem = error.context_mark, error.problem or ""
    if mark is None:
        return None
    place = Position(mark.line + 1, mark.column + 1)
    if problem.startswith(("found unexpected end of stream", "found unexpected document separator")):
        return place, "unterminated string literal"
    if problem.startswith("expected ',' or") and not _closes("\n".join(lines[mark.line :])[mark.column :]):
        return place, f"'{lines[mark.line][mark.column]}' is never closed"
    return None


def _closes(text: str) -> bool:
    """Return whether the bracket at the start of the text is closed. Brackets in quotes do not count."""
    depth = 0
    for found in _BRACKETS.finditer(text):
        depth += found[0] in "[{"
        depth -= found[0] in "]}"
        if depth <= 0:
            return True
    return False


def text_begins(event: Any, lines: list[str]) -> Position:
    """Return the position where the text of a scalar begins, after its anchor and its quotation mark.

    The text of a `|` or `>` block begins on its first line of text.
    """
    # yaml's mark is the position of the anchor or the quotation mark before the text.
    line, column = event.start_mark.line, event.start_mark.column
    if event.anchor is not None:
        anchor = _ANCHOR.match(lines[line], column)
        column = anchor.end() if anchor else column
    if event.style in ("|", ">"):
        return _block_begins(event, line, lines)
    return Position(line + 1, column + 1 + (1 if event.style in ("'", '"') else 0))


def _block_begins(event: Any, header: int, lines: list[str]) -> Position:
    end = min(event.end_mark.line + 1, len(lines))
    texts = event.value.split("\n") if event.style == "|" else [text.lstrip() for text in lines[header + 1 : end]]
    for line, text in zip(lines[header + 1 : end], texts, strict=False):
        if text.strip():
            return Position(header + 2, max(len(line) - len(text), 0) + 1)
    return Position(header + 2, 1)
