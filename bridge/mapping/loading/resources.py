"""Resources of mappings: the lookup tables and schema files beside the mapping files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.mapping.expressions.expression import EMPTY
from bridge.mapping.loading.lookup_tables import load_tables
from bridge.mapping.loading.schema_files import load_schema_files
from bridge.payloads.schema_files import NO_SCHEMA_FILES, SchemaFiles

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.errors import Problem
    from bridge.mapping.expressions.expression import Tables


@dataclass(frozen=True, slots=True)
class Resources:
    """Lookup tables for the function `lookup`, and schema files for payload formats. All mappings share them."""

    tables: Tables = field(default_factory=lambda: EMPTY)
    schemas: SchemaFiles = field(default_factory=lambda: NO_SCHEMA_FILES)


NO_RESOURCES = Resources()


@dataclass(frozen=True, slots=True)
class LoadedResources:
    """Resources of a folder. `problems` describes the tables and schema files that do not load."""

    resources: Resources
    problems: list[Problem]


def load_resources(mappings: Path, *, shown_as: str, confined: bool = False) -> LoadedResources:
    """Load the tables and schemas beside the mapping files. Never raise.

    `mappings` is the folder with the mapping files. Problems contain `shown_as` as the path of this folder. If
    `confined` is True, a symbolic link that leads out of the folders is a problem and is not followed.
    """
    tables = load_tables(mappings, shown_as=shown_as, confined=confined)
    schemas = load_schema_files(mappings, shown_as=shown_as, confined=confined)
    return LoadedResources(Resources(tables.tables, schemas.files), [*tables.problems, *schemas.problems])


def uses_lookup(text: bytes | None) -> bool:
    """Return whether the text of a mapping file may contain a call of `lookup`.

    The function only searches the text, because the file may be invalid. For a file that cannot be read, `text` is
    None, and the result is True.
    """
    return text is None or b"lookup" in text


def uses_schemas(text: bytes | None) -> bool:
    """Return whether the text of a mapping file may refer to a schema file. See `uses_lookup`."""
    return text is None or b"schema" in text
