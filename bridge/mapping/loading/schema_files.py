"""Schema files in the folder `schemas/` beside the mappings, for `payload: avro` and `payload: protobuf`.

    schemas/reading.avsc             an Avro schema
    schemas/plant/reading.proto      Protocol Buffers; the file may import other files by their paths in the folder
    schemas/plant.desc               a descriptor set: `protoc --include_imports --descriptor_set_out=plant.desc ...`

This module only reads the files. The files are parsed when a mapping that uses them is loaded. So an error in a schema
file is reported as a problem of the mapping.
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
"""Maximum number of schema files in the folder. Further files are ignored."""
MAX_SCHEMA_BYTES: Final = 4 * 1024 * 1024
"""Maximum size of a schema file: 4 MiB, far above the largest descriptor sets in use."""
# Maximum depth of subfolders that are searched. This limit ends the search if a symbolic link leads to a parent folder.
_MAX_LEVELS: Final = 8


@dataclass(frozen=True, slots=True)
class LoadedSchemaFiles:
    """Schema files of a folder.

    `files` has the contents by path within the folder. `problems` describes the files that cannot be read.
    """

    files: SchemaFiles
    problems: list[Problem]


def load_schema_files(mappings: Path, *, shown_as: str, confined: bool = False) -> LoadedSchemaFiles:
    """Read the schema files beside the mapping files. Never raise.

    `mappings` is the folder with the mapping files. Problems contain `shown_as` as the path of this folder. If
    `confined` is True, a symbolic link that leads out of the folder is a problem and is not followed.
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
    """Return the first MAX_FILES schema files, sorted by path. The keys are paths within the folder `schemas/`."""
    found = sorted(_walk(mappings / FOLDER, "", _MAX_LEVELS))
    return dict(found[:MAX_FILES])


def _walk(folder: Path, prefix: str, levels: int) -> Iterator[tuple[str, Path]]:
    """Yield the schema files in a folder and in `levels` levels of subfolders, with `prefix` before their names."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        # Kubernetes stores the versions of a ConfigMap in hidden folders, and editors create hidden files.
        if entry.name.startswith((".", "#", "~")):
            continue
        if _is_folder(entry):
            if levels:
                yield from _walk(folder / entry.name, f"{prefix}{entry.name}/", levels - 1)
        elif entry.name.endswith(SUFFIXES):
            yield prefix + entry.name, folder / entry.name


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether the entry is a folder. If this is unknown, return False, so that reading reports the error."""
    try:
        return entry.is_dir()
    except OSError:  # for example, a symbolic link that leads to itself
        return False
