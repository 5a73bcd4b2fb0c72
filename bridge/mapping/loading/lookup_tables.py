"""Lookup tables in the folder `tables/` beside the mappings, for expressions: `lookup('assets', captures.machine)`.

    tables/assets.yaml    an object from keys to values of any type
    tables/units.csv      two columns `signal,unit`: a look-up of a signal returns its unit
    tables/presses.csv    more columns `machine,name,scale`: a look-up of a machine returns {name: ..., scale: ...}

The name of the file without its suffix is the name of the table. All keys are text: the key 007 is the text "007". In a
CSV file, the first line has the names of the columns, and the first column has the keys. The other fields are read as
in `payload: csv`: numbers become numbers, and empty fields become null. A duplicate key is an error. Two files with the
same table name are an error too. Limits: 1 MiB per YAML file, 16 MiB and 1,048,576 values per CSV file.
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
"""Maximum size of a CSV file: 16 MiB."""
# Maximum number of problems that are reported for one CSV file.
_MAX_PROBLEMS: Final = 50
# Number of columns of a table whose look-ups return a single value and not an object.
_PAIR: Final = 2
_SUFFIXES: Final = (".yaml", ".yml", ".csv")
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")


@dataclass(frozen=True, slots=True)
class LoadedTables:
    """Lookup tables of a folder, by name. `problems` describes the files that do not load."""

    tables: Tables
    problems: list[Problem]


def load_tables(mappings: Path, *, shown_as: str, confined: bool = False) -> LoadedTables:
    """Load the tables beside the mapping files. Never raise.

    `mappings` is the folder with the mapping files. Problems contain `shown_as` as the path of this folder. If
    `confined` is True, a symbolic link that leads out of the folder is a problem and is not followed.
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
    """Return the table files, sorted by name, or an empty list if there is no folder `tables/`."""
    try:
        return sorted(file for file in (mappings / FOLDER).iterdir() if _is_table_file(file))
    except OSError:
        return []


def load_table(file: Path, files: list[Path], *, shown_as: str) -> Mapping[str, Any]:
    """Load one table. Raise ConfigError with all problems.

    `files` are all table files of the folder. Two files with the same table name are an error.
    """
    problem = _wrong_name(file, files)
    if problem:
        raise ConfigError([Problem(shown_as, 0, 0, "", problem)])
    return _from_csv(file, shown_as) if file.suffix == ".csv" else _from_yaml(file, shown_as)


def _is_table_file(file: Path) -> bool:
    """Return whether the file is a lookup table.

    Hidden files, backup files and swap files are not table files. Editors and ConfigMaps create such files.
    """
    try:
        return file.suffix in _SUFFIXES and not file.name.startswith((".", "#", "~")) and file.is_file()
    except OSError:  # for example, a symbolic link into a folder without permission; `load_table` reports the error
        return True


def _wrong_name(file: Path, files: list[Path]) -> str:
    """Return the problem with the name of a table file, or "" if the name is valid."""
    if not _NAME.fullmatch(file.stem):
        return f"'{file.stem}' cannot name a table: a file's name is 1 to 128 letters, digits, . _ -"
    if Counter(each.stem for each in files)[file.stem] > 1:
        return f"several files give a table the name '{file.stem}'; none of them is loaded: rename all but one"
    return ""


# -- YAML ---------------------------------------------------------------------------------------------------------


def _from_yaml(file: Path, shown: str) -> Mapping[str, Any]:
    document = read_document(file, shown_as=shown, substitute=False, environ={})
    if not isinstance(document.data, dict):
        raise ConfigError([document.problem((), "expected keys and values, such as `press07: {name: Press 7}`")])
    problems = list(_not_json(document, (), document.data))
    if problems:
        raise ConfigError(problems)
    return document.data


def _not_json(document: Document, path: tuple[str | int, ...], value: Any) -> Iterator[Problem]:
    """Yield a problem for each NaN and infinity, which no record can contain, because JSON does not have them."""
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
        raise CsvProblem(_first_invalid_line(raw), f"{error.detail}; save the file as UTF-8") from None


def _first_invalid_line(raw: bytes) -> int:
    """Return the number (from 1) of the first line that is not UTF-8, or 0 if all lines are UTF-8."""
    for line, text in enumerate(raw.split(b"\n"), 1):
        try:
            text.decode()
        except UnicodeDecodeError:
            return line
    return 0


class _CsvRows:
    """Reader for the rows of one CSV file. It reads on after a faulty row, so that it can report several problems."""

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._problems: list[Problem] = []
        self._first: dict[str, int] = {}

    def table(self, text: str) -> Mapping[str, Any]:
        """Return the table. Raise CsvProblem or ConfigError."""
        lines = rows(text, ",")
        header = first_row(lines)
        if len(header) < _PAIR:
            # With another delimiter, such as a semicolon, the complete header is read as one column.
            hint = "; columns are separated by commas here" if ";" in header[0] or "\t" in header[0] else ""
            raise CsvProblem(1, f"expected a column of keys and at least one column of values{hint}")
        table: dict[str, Any] = {}
        for line, fields in lines:
            # Check the limit for each row, so that a file with too many values is not read into memory completely.
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
        """Return the problem with a row, or "" if the row is valid."""
        if len(fields) != len(header):
            return f"{pluralize(len(fields), 'field')}, and the header has {len(header)}"
        if not fields[0]:
            return "the key is empty"
        first = self._first.setdefault(fields[0], line)
        return f"duplicate key '{fields[0][:40]}': first at line {first}" if first != line else ""

    def _add_problem(self, line: int, message: str) -> None:
        """Add a problem. When there are `_MAX_PROBLEMS`, raise ConfigError with all of them."""
        self._problems.append(Problem(self._shown, line, 1, "", message))
        if len(self._problems) >= _MAX_PROBLEMS:
            raise ConfigError(self._problems)
