"""`payload: csv` (https://www.rfc-editor.org/rfc/rfc4180.html): lines of fields become a list of objects.

    payload: csv
    csv: {header: [ts, machine, temperature], delimiter: ";", numbers: true}

- The header is given, or is the first line (`header: first_line`). A line with more or fewer fields is rejected.
- A field in double quotes may hold the delimiter, line breaks, and quotes written twice. Empty lines are left out.
- With `numbers` (the default) a field written as JSON writes numbers becomes one, and an empty field null. What would
  not stay exact remains text: 007, and integers beyond 64 bits. Without `numbers` all is text.
- UTF-8, with or without a byte order mark. An empty payload is rejected, and over 1,048,576 values.
"""

from __future__ import annotations

import csv
import io
import math
import re
from typing import TYPE_CHECKING, Any, Final

from bridge.errors import DecodeError
from bridge.payloads.json_values import MAX_INTEGER, MAX_VALUES, MIN_INTEGER
from bridge.payloads.text import decode_utf8

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FIRST_LINE: Final = "first_line"

_NUMBER: Final = re.compile(r"\s*-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?\s*", re.ASCII)
_MAX_NUMBER_CHARS: Final = 400


class CsvProblem(Exception):
    """What is wrong, and on which line (from 1)."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class Csv:
    """Reads lines under one header."""

    __slots__ = ("_delimiter", "_header", "_numbers")

    def __init__(self, header: Sequence[str] | None, delimiter: str = ",", *, numbers: bool = True) -> None:
        """A `header` of None is the payload's first line."""
        self._header = None if header is None else list(header)
        self._delimiter = delimiter
        self._numbers = numbers

    def decode(self, payload: bytes) -> list[dict[str, Any]]:
        """Give an object a line; raises DecodeError."""
        if not payload:
            raise DecodeError("not CSV: the payload is empty")
        try:
            return self._objects(decode_utf8(payload).removeprefix("\ufeff"))
        except CsvProblem as problem:
            raise DecodeError(f"not CSV: line {problem.line}: {problem}") from None

    def _objects(self, text: str) -> list[dict[str, Any]]:
        lines = rows(text, self._delimiter)
        header = self._header if self._header is not None else first_row(lines)
        width = len(header)
        objects: list[dict[str, Any]] = []
        for line, fields in lines:
            if len(fields) != width:
                raise CsvProblem(line, f"{len(fields)} fields, and the header has {width}")
            if (len(objects) + 1) * (width + 1) > MAX_VALUES:
                raise CsvProblem(line, f"up to here more than {MAX_VALUES:,} values")
            values = map(number, fields) if self._numbers else fields
            objects.append(dict(zip(header, values, strict=True)))
        return objects


def rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Give each row with the line it begins on, empty lines left out. Raises CsvProblem."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for fields in reader:
            if fields:
                yield line, fields
            line = reader.line_num + 1
    except csv.Error as error:
        raise CsvProblem(line, _explained(str(error))) from None


def first_row(lines: Iterator[tuple[int, list[str]]]) -> list[str]:
    """Take the header from the first row. Raises CsvProblem."""
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
    """The number that a field is, null if it is empty, or the field."""
    if not field:
        return None
    found = _NUMBER.fullmatch(field) if len(field) <= _MAX_NUMBER_CHARS else None
    if found is None:
        return field
    if found[1] is None and found[2] is None:
        whole = int(field)
        return whole if MIN_INTEGER <= whole <= MAX_INTEGER else field
    value = float(field)
    return field if math.isinf(value) else value


def _explained(message: str) -> str:
    if "expected after" in message:
        return "a quoted field goes on after its closing quote; a quote inside it is written twice"
    if "unexpected end of data" in message:
        return "a quote is never closed"
    return message
