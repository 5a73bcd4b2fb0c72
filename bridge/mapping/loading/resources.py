"""Resources: the lookup tables and schema files beside the mappings, which mappings read."""

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
    """The lookup tables that `lookup` reads, and the schema files of payload formats. All mappings share them."""

    tables: Tables = field(default_factory=lambda: EMPTY)
    schemas: SchemaFiles = field(default_factory=lambda: NO_SCHEMA_FILES)


NO_RESOURCES = Resources()


@dataclass(frozen=True, slots=True)
class LoadedResources:
    """The resources of a folder that load, and the problems of those that do not."""

    resources: Resources
    problems: list[Problem]


def load_resources(mappings: Path, *, shown_as: str, confined: bool = False) -> LoadedResources:
    """Load the tables and schemas beside the mappings; never raise.

    Problems show `shown_as` instead of the folder of mappings.

    With `confined`, links that lead out of the folders are not followed, and are reported as problems.
    """
    tables = load_tables(mappings, shown_as=shown_as, confined=confined)
    schemas = load_schema_files(mappings, shown_as=shown_as, confined=confined)
    return LoadedResources(Resources(tables.tables, schemas.files), [*tables.problems, *schemas.problems])


def uses_lookup(text: bytes | None) -> bool:
    """Return whether a mapping file may use lookup tables. It is a text search, because the file may be invalid."""
    return text is None or b"lookup" in text


def uses_schemas(text: bytes | None) -> bool:
    """Return whether a mapping file may use schema files. It is a text search, as in `uses_lookup`."""
    return text is None or b"schema" in text
