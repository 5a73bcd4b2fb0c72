"""Access to the schema files of Avro and Protocol Buffers. They are in the folder `schemas/` beside the mappings."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

SchemaFiles: TypeAlias = Mapping[str, bytes]
"""Contents of all schema files, by their paths below the folder `schemas/`. Paths have `/` on every system."""

NO_SCHEMA_FILES: Final[SchemaFiles] = MappingProxyType({})


class SchemaError(ValueError):
    """An error in a schema file. The message has the reason, and the position if it is known."""


def schema_text(file: str, schemas: SchemaFiles) -> bytes:
    """Return the content of a schema file. Raise SchemaError if there is no such file."""
    found = schemas.get(file)
    if found is None:
        near = difflib.get_close_matches(file, schemas, n=1)
        there = f"; did you mean '{near[0]}'?" if near else f"; there are {', '.join(sorted(schemas)[:9]) or 'none'}"
        raise SchemaError(f"no file '{file}' in schemas/, beside the mappings{there}")
    return found
