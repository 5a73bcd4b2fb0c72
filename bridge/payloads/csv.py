"""`payload: csv` (https://www.rfc-editor.org/rfc/rfc4180.html): lines of fields become a list of objects.

    payload: csv
    csv: {header: [ts, machine, temperature], delimiter: ";", numbers: true}

- The option `header` lists the names of the columns. With `header: first_line`, the first line of each payload has the
  names. A payload is rejected if one of its lines has more or fewer fields than the header.
- A field in double quotes may contain the delimiter and line breaks. A quote in such a field is written twice. Empty
  lines are skipped.
- With `numbers: true` (the default), a number in JSON's notation becomes a number, and an empty field becomes null.
  `007` and integers beyond 64 bits remain text, because a number would not keep their digits.
- With `numbers: false`, every field is text.
- The text is UTF-8. A byte order mark, and NULs at the end, are accepted. A payload is rejected if it is empty or has
  over 1,048,576 values.
"""

from __future__ import annotations

import csv
import io
import math
import re
from typing import TYPE_CHECKING, Any, Final

from bridge.durations import pluralize
from bridge.errors import DecodeError
from bridge.payloads.json_values import MAX_INTEGER, MAX_VALUES, MIN_INTEGER
from bridge.payloads.text import decode_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# By default, the csv module rejects fields over 131,072 characters. The bridge limits the size of a message instead.
csv.field_size_limit(1 << 30)

FIRST_LINE: Final = "first_line"

_NUMBER: Final = re.compile(r"\s*-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?\s*", re.ASCII)
# Maximum number of characters of a number. A longer field stays text.
_MAX_NUMBER_CHARS: Final = 400


class CsvProblem(Exception):
    """A problem in a line. `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        """Report `message` for the line number `line`."""
        super().__init__(message)
        self.line = line


class CsvDecoder:
    """Decoder of CSV text with one header, which names the fields of all lines."""

    __slots__ = ("_delimiter", "_header", "_numbers")

    def __init__(self, header: Sequence[str] | None, delimiter: str = ",", *, numbers: bool = True) -> None:
        """Use `header` for all payloads. If it is None, the first line of each payload is the header."""
        self._header = None if header is None else list(header)
        self._delimiter = delimiter
        self._numbers = numbers

    def decode(self, payload: bytes) -> list[dict[str, Any]]:
        """Return one object per line. Raise DecodeError."""
        if not payload:
            raise DecodeError("not CSV: the payload is empty")
        try:
            return self._objects(decode_text(payload))
        except CsvProblem as problem:
            raise DecodeError(f"not CSV: line {problem.line}: {problem}") from None

    def _objects(self, text: str) -> list[dict[str, Any]]:
        """Return one object per line. Raise CsvProblem."""
        lines = rows(text, self._delimiter)
        header = self._header if self._header is not None else first_row(lines)
        width = len(header)
        objects: list[dict[str, Any]] = []
        for line, fields in lines:
            if len(fields) != width:
                raise CsvProblem(line, f"{pluralize(len(fields), 'field')}, and the header has {width}")
            # A line with n fields counts as n + 1 values, because its object takes memory too.
            if (len(objects) + 1) * (width + 1) > MAX_VALUES:
                raise CsvProblem(line, f"more than {MAX_VALUES:,} values up to this line")
            values = map(number, fields) if self._numbers else fields
            objects.append(dict(zip(header, values, strict=True)))
        return objects


def rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not empty, with the line on which it begins. Raise CsvProblem."""
    # `newline=""` keeps line breaks unchanged, because a line break within a quoted field belongs to the field's value.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for fields in reader:
            if fields:
                yield line, fields
            # A row may span several lines. So the next row begins after the last line that the reader has read.
            line = reader.line_num + 1
    except csv.Error as error:
        raise CsvProblem(line, _explained(str(error))) from None


def first_row(lines: Iterator[tuple[int, list[str]]]) -> list[str]:
    """Return the first row as the header. Raise CsvProblem."""
    line, fields = next(lines, (1, []))
    names = [field.strip() for field in fields]
    if not all(names):
        raise CsvProblem(line, "the header has a column without a name")
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise CsvProblem(line, f"the header has '{name[:40]}' twice")
        seen.add(name)
    if not names:
        raise CsvProblem(line, "there is no header")
    return names


def number(field: str) -> str | float | None:
    """Return the number in a field, None for an empty field, and any other field unchanged."""
    if not field:
        return None
    found = _NUMBER.fullmatch(field) if len(field) <= _MAX_NUMBER_CHARS else None
    if found is None:
        return field
    if found[1] is None and found[2] is None:
        whole = int(field)
        return whole if MIN_INTEGER <= whole <= MAX_INTEGER else field
    value = float(field)
    # A number that is too large for a float stays text. As a float, it would become infinity.
    return field if math.isinf(value) else value


def _explained(message: str) -> str:
    """Return an error message of the csv module in plain words."""
    if "expected after" in message:
        return "characters after the closing quote of a field; a quote inside it is written twice"
    if "unexpected end of data" in message:
        return "unterminated quote"
    return message
