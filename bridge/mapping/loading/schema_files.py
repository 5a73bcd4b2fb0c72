"""Schema files from the folder `schemas/` beside the mappings, for `payload: avro` and `payload: protobuf`.

    schemas/reading.avsc             Avro
    schemas/plant/reading.proto      Protocol Buffers; it may import other files by their paths in the folder
    schemas/plant.desc               a descriptor set: `protoc --include_imports --descriptor_set_out=plant.desc ...`

This module only reads the files. A mapping that uses a file parses it, so an error in the file is a problem of that
mapping.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.errors import Problem
from bridge.files import LEADS_OUTSIDE, FileProblem, leads_outside, read_bytes, roots

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.payloads.schema_files import SchemaFiles

FOLDER: Final = "schemas"
SUFFIXES: Final = (".avsc", ".proto", ".desc", ".pb", ".binpb", ".protoset")
MAX_FILES: Final = 1_000
"""Max schema files of a folder."""
MAX_SCHEMA_BYTES: Final = 4 * 1024 * 1024
"""Max size of a schema file: 4 MiB, far above the largest descriptor sets in use."""
# Max levels of folders.
_MAX_LEVELS: Final = 8


@dataclass(frozen=True, slots=True)
class LoadedSchemaFiles:
    """Contents of the schema files by their paths in the folder, and the problems of those that cannot be read."""

    files: SchemaFiles
    problems: list[Problem]


def load_schema_files(mappings: Path, *, shown_as: str, confined: bool = False) -> LoadedSchemaFiles:
    """Read the schema files beside the mappings; never raise. In problems, `shown_as` replaces the folder of the files.

    With `confined`, links that lead out of the folder are not followed.
    """
    files, within = dict[str, bytes](), roots(mappings, FOLDER)
    problems: list[Problem] = []
    for name, file in schema_files(mappings).items():
        if confined and leads_outside(file, within):
            problems.append(Problem(f"{shown_as}/{FOLDER}/{name}", 0, 0, "", LEADS_OUTSIDE))
            continue
        try:
            files[name] = read_bytes(file, MAX_SCHEMA_BYTES)
        except FileProblem as problem:
            problems.append(Problem(f"{shown_as}/{FOLDER}/{name}", 0, 0, "", str(problem)))
    return LoadedSchemaFiles(files, problems)


def schema_files(mappings: Path) -> dict[str, Path]:
    """Return the schema files by their paths in the folder, sorted; at most MAX_FILES."""
    found = sorted(_walk(mappings / FOLDER, "", _MAX_LEVELS))
    return dict(found[:MAX_FILES])


def _walk(folder: Path, prefix: str, levels: int) -> Iterator[tuple[str, Path]]:
    """Yield the schema files in a folder and its subfolders, except hidden ones."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        # Hidden folders contain the versions of a ConfigMap; hidden files are from editors.
        if entry.name.startswith((".", "#", "~")):
            continue
        if entry.is_dir():
            if levels:
                yield from _walk(folder / entry.name, f"{prefix}{entry.name}/", levels - 1)
        elif entry.name.endswith(SUFFIXES):
            yield prefix + entry.name, folder / entry.name
