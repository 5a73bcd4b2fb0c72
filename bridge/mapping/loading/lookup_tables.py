"""Lookup tables from the folder `tables/` beside the mappings: the data for `lookup('assets', captures.machine)`.

    tables/assets.yaml    key: any value, one per line or nested
    tables/units.csv      signal,unit               two columns: a key returns the value in the other column
    tables/presses.csv    machine,name,scale        more columns: a key returns {name: ..., scale: ...}

The file name is the table's name. Keys are text; numeric keys are used as they are written. In CSV, the first line
names the columns, and the first column holds the keys. Fields are read like those of `payload: csv` (numbers become
numbers, empty fields null). A duplicate key is an error, and so is a second file with the same name. Limits: 1 MiB of
YAML, 16 MiB and 1,048,576 values of CSV.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.durations import pluralize
from bridge.errors import ConfigError, DecodeError, Problem
from bridge.files import LEADS_OUTSIDE, FileProblem, leads_outside, read_bytes, roots
from bridge.payloads.csv import CsvProblem, first_row, number, rows
from bridge.payloads.json_values import MAX_VALUES
from bridge.payloads.text import decode_utf8
from bridge.yaml_files import read_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bridge.mapping.expressions.expression import Tables
    from bridge.yaml_files import Document

FOLDER: Final = "tables"
MAX_CSV_BYTES: Final = 16 * 1024 * 1024
"""Max size of a CSV file: 16 MiB."""
# Max problems reported for one CSV file.
_MAX_PROBLEMS: Final = 50
# Columns of a table whose keys return a single value.
_PAIR: Final = 2
_SUFFIXES: Final = (".yaml", ".yml", ".csv")
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")


@dataclass(frozen=True, slots=True)
class LoadedTables:
    """The tables of a folder that load, and the problems of the others."""

    tables: Tables
    problems: list[Problem]


def load_tables(mappings: Path, *, shown_as: str, confined: bool = False) -> LoadedTables:
    """Load the tables beside the mappings; never raise. Problems show `shown_as` instead of the folder of mappings.

    `confined`: do not follow links that lead out of the folder.
    """
    files, within = table_files(mappings), roots(mappings, FOLDER)
    tables: dict[str, Mapping[str, Any]] = {}
    problems: list[Problem] = []
    for file in files:
        shown = f"{shown_as}/{FOLDER}/{file.name}"
        if confined and leads_outside(file, within):
            problems.append(Problem(shown, 0, 0, "", LEADS_OUTSIDE))
            continue
        try:
            tables[file.stem] = load_table(file, files, shown_as=shown)
        except ConfigError as error:
            problems += error.problems
    return LoadedTables(tables, problems)


def table_files(mappings: Path) -> list[Path]:
    """Return the table files, sorted by name; an empty list if there is no such folder."""
    try:
        return sorted(file for file in (mappings / FOLDER).iterdir() if _is_table_file(file))
    except OSError:
        return []


def load_table(file: Path, files: list[Path], *, shown_as: str) -> Mapping[str, Any]:
    """Load one table; `files` are all table files of the folder. Raise ConfigError with all problems."""
    problem = _wrong_name(file, files)
    if problem:
        raise ConfigError([Problem(shown_as, 0, 0, "", problem)])
    return _from_csv(file, shown_as) if file.suffix == ".csv" else _from_yaml(file, shown_as)


def _is_table_file(file: Path) -> bool:
    """Return whether this is a table file, and not a hidden, backup or swap file of an editor or a ConfigMap."""
    return file.suffix in _SUFFIXES and not file.name.startswith((".", "#", "~")) and file.is_file()


def _wrong_name(file: Path, files: list[Path]) -> str:
    """Return the problem with a table's name, or ""."""
    if not _NAME.fullmatch(file.stem):
        return f"'{file.stem}' cannot name a table: a file's name is 1 to 128 letters, digits, . _ -"
    if Counter(each.stem for each in files)[file.stem] > 1:
        return f"several files give a table the name '{file.stem}'; none of them is loaded: rename all but one"
    return ""


# -- YAML ---------------------------------------------------------------------------------------------------------


def _from_yaml(file: Path, shown: str) -> Mapping[str, Any]:
    document = read_document(file, shown_as=shown, substitute=False, environ={})
    if not isinstance(document.data, dict):
        raise ConfigError([document.problem((), "a table is keys and values, such as `press07: {name: Press 7}`")])
    problems = list(_not_json(document, (), document.data))
    if problems:
        raise ConfigError(problems)
    return document.data


def _not_json(document: Document, path: tuple[str | int, ...], value: Any) -> Iterator[Problem]:
    """Yield a problem for each NaN and infinity, because JSON has no such values."""
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _not_json(document, (*path, key), item)
    elif isinstance(value, float) and not math.isfinite(value):
        yield document.problem(path, "JSON has no such number; leave it out, or write null or text")


# -- CSV ----------------------------------------------------------------------------------------------------------


def _from_csv(file: Path, shown: str) -> Mapping[str, Any]:
    try:
        raw = read_bytes(file, MAX_CSV_BYTES)
    except FileProblem as error:
        raise ConfigError([Problem(shown, 0, 0, "", str(error))]) from None
    try:
        return _CsvRows(shown).table(_text(raw))
    except CsvProblem as error:
        raise ConfigError([Problem(shown, error.line, 1, "", str(error))]) from None


def _text(raw: bytes) -> str:
    """Return the file's text without its byte order mark. Raise CsvProblem if it is not UTF-8."""
    try:
        return decode_utf8(raw).removeprefix("\ufeff")
    except DecodeError as error:
        raise CsvProblem(_last_good_line(raw), f"{error.detail}; save the file as UTF-8") from None


def _last_good_line(raw: bytes) -> int:
    """Return the number of the first line that is not UTF-8, from 1; 0 if every line is."""
    for line, text in enumerate(raw.split(b"\n"), 1):
        try:
            text.decode()
        except UnicodeDecodeError:
            return line
    return 0


class _CsvRows:
    """Reader for the rows of one CSV file. It collects the problems of up to 50 rows."""

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._problems: list[Problem] = []
        self._first: dict[str, int] = {}

    def table(self, text: str) -> Mapping[str, Any]:
        """Return the table. Raise CsvProblem or ConfigError."""
        lines = rows(text, ",")
        header = first_row(lines)
        if len(header) < _PAIR:
            # If the file uses another delimiter, the header looks like a single column.
            hint = "; columns are separated by commas here" if ";" in header[0] or "\t" in header[0] else ""
            raise CsvProblem(1, f"a table has a column of keys and at least one of values{hint}")
        table: dict[str, Any] = {}
        for line, fields in lines:
            # Check each row before its values take memory.
            if (len(table) + 1) * len(header) > MAX_VALUES:
                raise CsvProblem(line, f"more than {MAX_VALUES:,} values up to this line")
            problem = self._problem(line, fields, header)
            if problem:
                self._add_problem(line, problem)
            else:
                values = [number(field) for field in fields[1:]]
                table[fields[0]] = values[0] if len(header) == _PAIR else dict(zip(header[1:], values, strict=True))
        if self._problems:
            raise ConfigError(self._problems)
        return table

    def _problem(self, line: int, fields: list[str], header: list[str]) -> str:
        """Return the problem with a row, or ""."""
        if len(fields) != len(header):
            return f"{pluralize(len(fields), 'field')}, and the header has {len(header)}"
        if not fields[0]:
            return "the key is empty"
        first = self._first.setdefault(fields[0], line)
        return f"duplicate key '{fields[0][:40]}': first at line {first}" if first != line else ""

    def _add_problem(self, line: int, message: str) -> None:
        """Add a problem. Raise ConfigError with all of them when there are `_MAX_PROBLEMS`."""
        self._problems.append(Problem(self._shown, line, 1, "", message))
        if len(self._problems) >= _MAX_PROBLEMS:
            raise ConfigError(self._problems)
