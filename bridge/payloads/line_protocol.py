"""`payload: line_protocol`: the line protocol of InfluxDB and Telegraf. Each line becomes an object.

    weather,site=pdx,line=3 temperature=21.5,count=7i 1700000000000000000

    {"measurement": "weather", "tags": {"site": "pdx", "line": "3"}, "fields": {"temperature": 21.5, "count": 7},
     "timestamp": 1700000000000000000}

- Tags are text. Fields are floats, signed integers (7i), unsigned integers (7u), booleans, or text in quotes. Integers
  stay exact.
- `timestamp` is the number that was sent, or null. Its unit depends on the sender, and is usually nanoseconds.
- Empty lines and comments (#) are skipped. A payload is rejected if it has only such lines, or over 1,048,576 values.

https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

from bridge.errors import DecodeError
from bridge.payloads.json_values import MAX_INTEGER, MAX_VALUES, MIN_INTEGER
from bridge.payloads.text import decode_text

# Empty lines, comments and blanks before a line with content.
_BLANKS: Final = re.compile(r"(?:[ \t\r]*+(?:#[^\n]*+)?\n)*+[ \t\r]*+(?:#[^\n]*+\Z)?")
# The possessive quantifiers `++` and `*+` do not backtrack. Positions for backtracking would take a hundred times the
# memory of the text.
_MEASUREMENT: Final = re.compile(r"(?:[^, \\\n]++|\\[^\n])++")
# Name of a tag or field, or value of a tag.
_KEY: Final = re.compile(r"(?:[^,= \\\n]++|\\[^\n])++")
_TEXT: Final = re.compile(r'"((?:[^"\\]++|\\.)*+)"', re.DOTALL)
_WORD: Final = re.compile(r'[^, "\n\r]+')
_TIMESTAMP: Final = re.compile(r" +(-?[0-9]{1,20})")
_SPACES: Final = re.compile(" *")
_END: Final = re.compile(r"[ \t\r]*(?:\n|\Z)")
_INTEGER: Final = re.compile(r"(-?[0-9]{1,20})([iu])")
# Each digit can match only one part of this pattern. Otherwise, a million digits would take quadratic time.
_FLOAT: Final = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")
_BOOLEANS: Final = dict.fromkeys(("t", "T", "true", "True", "TRUE"), True) | dict.fromkeys(
    ("f", "F", "false", "False", "FALSE"), False
)
_MAX_SIGNED: Final = 2**63 - 1
# For the limit MAX_VALUES, a line counts as 4 values (the line's object, `tags`, `fields` and `timestamp`), plus its
# tags and fields.
_VALUES_A_LINE: Final = 4
# Maximum number of characters of the payload that an error message quotes.
_EXCERPT_CHARS: Final = 20


class LineProtocolDecoder:
    """Decoder of a payload in the line protocol."""

    __slots__ = ()

    def decode(self, payload: bytes) -> list[dict[str, Any]]:
        """Return one object per line. Raise DecodeError."""
        reader = _LineReader(decode_text(payload))
        lines = reader.lines()
        if not lines:
            raise DecodeError("not line protocol: the payload has no line")
        return lines


class _LineReader:
    """Reader of one payload. `_at` is the offset up to which the text has been read."""

    __slots__ = ("_at", "_text", "_values")

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._values = 0

    def lines(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while self._skip_blanks():
            self._count(_VALUES_A_LINE)
            found.append(self._line())
        return found

    def _skip_blanks(self) -> bool:
        """Move to the next line with content. Return False if there is none."""
        self._take(_BLANKS)
        return self._at < len(self._text)

    def _line(self) -> dict[str, Any]:
        measurement = self._name(_MEASUREMENT, "a measurement")
        tags: dict[str, str] = {}
        while self._next(","):
            name = self._name(_KEY, "a tag's name")
            self._expect("=", f"a value of the tag '{name[:40]}'")
            tags[name] = self._name(_KEY, "a tag's value")
            self._count(1)
        self._expect(" ", "a blank and the fields")
        self._take(_SPACES)
        fields: dict[str, Any] = {}
        while True:
            name = self._name(_KEY, "a field's name")
            self._expect("=", f"a value of the field '{name[:40]}'")
            fields[name] = self._value()
            self._count(1)
            if not self._next(","):
                break
        timestamp = self._time()
        if self._take(_END) is None:
            raise self._error("the end of the line")
        return {"measurement": measurement, "tags": tags, "fields": fields, "timestamp": timestamp}

    def _value(self) -> Any:
        """Return a field's value."""
        text = self._take(_TEXT)
        if text is not None:
            return _text_of(text[1]) if "\\" in text[1] else text[1]
        start = self._at
        word = self._take(_WORD)
        if word is None:
            raise self._error("a field's value")
        value = _BOOLEANS[word[0]] if word[0] in _BOOLEANS else _number(word[0])
        if value is None:
            self._at = start
            raise self._error("a number, 7i, 7u, true, false or text in double quotes")
        return value

    def _time(self) -> int | None:
        found = self._take(_TIMESTAMP)
        if found is None:
            return None
        time = int(found[1])
        if not MIN_INTEGER <= time <= _MAX_SIGNED:
            raise self._error("a time of 64 bits")
        return time

    def _name(self, pattern: re.Pattern[str], what: str) -> str:
        found = self._take(pattern)
        if found is None:
            raise self._error(what)
        return _name_of(found[0]) if "\\" in found[0] else found[0]

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._text, self._at)
        if found is not None:
            self._at = found.end()
        return found

    def _next(self, character: str) -> bool:
        """If the next character is `character`, skip it and return True. Otherwise return False."""
        if self._text[self._at : self._at + 1] != character:
            return False
        self._at += 1
        return True

    def _expect(self, character: str, what: str) -> None:
        if not self._next(character):
            raise self._error(what)

    def _count(self, values: int) -> None:
        """Add `values` to the number of values. Raise DecodeError above MAX_VALUES."""
        self._values += values
        if self._values > MAX_VALUES:
            raise DecodeError(f"not usable: the payload holds more than {MAX_VALUES:,} values")

    def _error(self, what: str) -> DecodeError:
        """Return the error with its line and column, both counted from 1, and the text found there."""
        text, at = self._text, self._at
        line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        found = repr(text[at : at + _EXCERPT_CHARS]) if at < len(text) else "the end"
        return DecodeError(f"not line protocol: expected {what}, at line {line}, column {column}: found {found}")


def _text_of(escaped: str) -> str:
    r"""Return a text with the escapes `\"` and `\\` replaced. Other backslashes stay."""
    # With millions of escapes, `split` and `replace` are a hundred times faster than a regular expression.
    return "\\".join(part.replace('\\"', '"') for part in escaped.split("\\\\"))


def _name_of(escaped: str) -> str:
    """Return a name without the backslashes before commas, equals signs and blanks. Other backslashes stay."""
    return escaped.replace("\\,", ",").replace("\\=", "=").replace("\\ ", " ")


def _number(word: str) -> float | None:
    """Return the number of a field. Return None if the word is not a number, or is too large for its type."""
    whole = _INTEGER.fullmatch(word)
    if whole is not None:
        lowest, highest = (MIN_INTEGER, _MAX_SIGNED) if whole[2] == "i" else (0, MAX_INTEGER)
        integer = int(whole[1])
        return integer if lowest <= integer <= highest else None
    # The pattern is necessary because `float` also accepts texts such as `1_000`, `nan` and `infinity`.
    if not _FLOAT.fullmatch(word):
        return None
    value = float(word)
    return value if math.isfinite(value) else None
