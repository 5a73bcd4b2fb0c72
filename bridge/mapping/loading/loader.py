"""Mapping files from a folder: each loads, or its problems are told, whatever the others do."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING

from bridge.documents import parse_document, read_document
from bridge.errors import ConfigError, Problem
from bridge.mapping.expressions.expression import EMPTY
from bridge.mapping.loading.lookup_tables import load_tables
from bridge.mapping.loading.shared_subscription import unshareable
from bridge.mapping.loading.validation import read_specification
from bridge.mapping.mapping import Mapping, compile_mapping
from bridge.mapping.pipeline.envelope import VERSION_DIGITS
from bridge.mapping.selftest.runner import run_cases

if TYPE_CHECKING:
    from bridge.documents import Document
    from bridge.mapping.expressions.expression import Tables
    from bridge.mapping.pipeline.output_emitter import Limits

SUFFIXES = (".yaml", ".yml")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,128}")


@dataclass(frozen=True, slots=True)
class LoadedMappings:
    """What a folder holds: the mappings that load, by name, in the order of their names; and all that is wrong.

    `tables` are the lookup tables that load.
    """

    mappings: dict[str, Mapping]
    problems: list[Problem]
    tables: Tables


def load_folder(folder: Path, limits: Limits, *, shown_as: str | None = None, shared: bool = False) -> LoadedMappings:
    """Load all mapping files of a folder, not of folders in it, and the lookup tables beside them; never raises.

    `shown_as` stands for the folder in problems. `limits` goes to each mapping (see `compile_mapping`).
    `shared`: several bridges divide the messages.
    """
    shown = (shown_as if shown_as is not None else str(folder)).rstrip("/")
    try:
        files = sorted(file for file in folder.iterdir() if is_mapping_file(file))
    except OSError as error:
        return LoadedMappings(
            {}, [Problem(shown, 0, 0, "", f"cannot read this folder of mappings: {error.strerror}")], EMPTY
        )
    if not files:
        return LoadedMappings(
            {}, [Problem(shown, 0, 0, "", "there is no mapping in this folder: no file NAME.yaml")], EMPTY
        )
    tables = load_tables(folder, shown_as=shown)
    mappings: dict[str, Mapping] = {}
    problems = list(tables.problems)
    names = Counter(file.stem for file in files)
    for file in files:
        try:
            if names[file.stem] > 1:
                raise _same_name(file, shown)
            shown_file = f"{shown}/{file.name}"
            mappings[file.stem] = load_file(file, limits, tables.tables, shown_as=shown_file, shared=shared)
        except ConfigError as error:
            problems += error.problems
    return LoadedMappings(dict(sorted(mappings.items())), sorted(problems), tables.tables)


def load_file(
    file: Path,
    limits: Limits,
    tables: Tables = EMPTY,
    *,
    text: bytes | None = None,
    shown_as: str | None = None,
    shared: bool = False,
) -> Mapping:
    """Load one mapping and run its own tests; raises ConfigError with all that is wrong.

    `tables` are what `lookup` looks into (see `bridge.mapping.loading.lookup_tables`). `text`: what the file holds,
    where it has been read. `shared`: several bridges divide the messages.
    """
    mapping, document = compile_file(file, limits, tables, text=text, shown_as=shown_as)
    problems = _failed_tests(mapping, document)
    if shared and (found := unshareable(mapping)) is not None:
        key, why = found
        problems.append(document.problem((key,), why))
    if problems:
        raise ConfigError(problems)
    return mapping


def compile_file(
    file: Path,
    limits: Limits,
    tables: Tables = EMPTY,
    *,
    text: bytes | None = None,
    shown_as: str | None = None,
    name: str | None = None,
) -> tuple[Mapping, Document]:
    """As `load_file`, without running its tests; `name` stands for the file's own."""
    shown = shown_as or str(file)
    if not _NAME.fullmatch(file.stem):
        message = f"'{file.stem}' cannot name a mapping: a file's name is 1 to 128 letters, digits, . _ -"
        raise ConfigError([Problem(shown, 0, 0, "", message)])
    if text is None:
        document = read_document(file, shown_as=shown, substitute=False, environ={})
    else:
        document = parse_document(text, shown, substitute=False, environ={}, base=file.parent)
    return _compiled(document, name or file.stem, limits, tables), document


def compile_text(text: str, name: str, tables: Tables, *, shown_as: str) -> Mapping:
    """As `compile_file`, of what is in no file. Nothing is written for it: there may be nowhere to write."""
    document = parse_document(text, shown_as, substitute=False, environ={}, base=Path())
    return _compiled(document, name, {}, tables)


def _compiled(document: Document, name: str, limits: Limits, tables: Tables) -> Mapping:
    specification, version = read_specification(document, tables), document.sha256[:VERSION_DIGITS]
    return compile_mapping(name, specification, limits, tables, version)


def is_mapping_file(file: Path) -> bool:
    """Whether it is a file, and `is_mapping_name`."""
    return is_mapping_name(file.name) and file.is_file()


def is_mapping_name(name: str) -> bool:
    """Tell a mapping file from what editors and ConfigMaps leave beside it: hidden, backup and swap files."""
    return name.endswith(SUFFIXES) and not name.startswith((".", "#", "~"))


def _same_name(file: Path, shown: str) -> ConfigError:
    message = f"several files give a mapping the name '{file.stem}'; none of them is loaded: rename all but one"
    return ConfigError([Problem(f"{shown}/{file.name}", 0, 0, "", message)])


def _failed_tests(mapping: Mapping, document: Document) -> list[Problem]:
    return [
        document.problem(
            ("tests", result.number), f"the test '{result.name}' failed:\n{indent(result.difference, '  ')}"
        )
        for result in run_cases(mapping)
        if not result.passed
    ]
