"""Cache of the lookup tables and schema files of a job, because loading a large table takes seconds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bridge.mapping.loading.folder_watch import signatures
from bridge.mapping.loading.lookup_tables import table_files
from bridge.mapping.loading.resources import (
    NO_RESOURCES,
    LoadedResources,
    load_resources,
    uses_lookup,
    uses_schemas,
)
from bridge.mapping.loading.schema_files import schema_files

if TYPE_CHECKING:
    from bridge.mapping.loading.folder_watch import Signature

SHOWN_AS: Final = "mappings"
# Members of a request that may contain the text of a mapping.
_TEXTS: Final = ("text", "mapping", "present")
_NOTHING: Final = LoadedResources(NO_RESOURCES, [])


class _Loaded:
    """The last resources that were loaded, and the signatures of their files at that time."""

    found: dict[Path, Signature] | None = None
    resources: LoadedResources = _NOTHING


def resources_of(asked: dict[str, Any]) -> LoadedResources:
    """Return the tables and schemas of a request's folder, if its mappings use any."""
    texts = [asked[name].encode() for name in _TEXTS if name in asked]
    if not any(uses_lookup(text) or uses_schemas(text) for text in texts):
        return _NOTHING
    folder = Path(asked["folder"])
    found = signatures([*table_files(folder), *schema_files(folder).values()])
    # The process serves one bridge, so there is only one folder.
    if found != _Loaded.found:
        _Loaded.resources = load_resources(folder, shown_as=SHOWN_AS, confined=True)
        _Loaded.found = found
    return _Loaded.resources
