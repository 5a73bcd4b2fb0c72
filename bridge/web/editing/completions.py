"""Completions for the editor: keys and values of a mapping file, functions, names, tables and schema files.

Each list comes from the definitions that the loader uses, so it offers only values that `check` accepts.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from bridge.files import shown_name
from bridge.mapping.expressions.functions import FAMILIES
from bridge.mapping.file_models.mapping_spec import MappingSpec
from bridge.mapping.loading.lookup_tables import table_files
from bridge.mapping.loading.schema_files import schema_files
from bridge.mapping.pipeline.scope import RECORD, SCOPE_NAMES, VARS
from bridge.mapping.proposals.yaml_text import yaml_text
from bridge.mapping.stateful.sampler import SAMPLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MAX_DEPTH: Final = 6
_DEFINITIONS: Final = "#/$defs/"
_ROOTS: Final = {
    "payload": "the decoded payload",
    "captures": "the captures of the topic, by name",
    "topic": "the topic",
    "levels": "the levels of the topic, as a list",
    "received_at": "when the bridge received the message: 2026-01-31T12:00:00.000Z",
    "received_at_ms": "when the bridge received the message, in milliseconds since 1970",
    "qos": "0, 1 or 2, as received",
    "retain": "true if the broker had retained the message",
    "properties": "MQTT 5 properties",
    "mapping": "the mapping's name",
    VARS: "the values of vars, by name",
    RECORD: "the finished record; only in partition_key_from",
    SAMPLE: "the statistics of the span; only with keep: mean",
}


def completions(mappings: Path) -> dict[str, Any]:
    """Return all completions. `mappings` is the folder of the mapping files, which also has the tables and schemas."""
    tables = sorted({shown_name(file.stem) for file in table_files(mappings)})
    return {**_fixed(), "tables": tables, "schemas": [shown_name(path) for path in schema_files(mappings)]}


@cache
def _fixed() -> dict[str, Any]:
    """Return the completions that do not depend on files."""
    schema = MappingSpec.model_json_schema()
    functions = [
        {"name": each.name, "signature": each.signature, "summary": each.plain_summary, "family": family}
        for family, members in FAMILIES.items()
        for each in members
    ]
    roots = [{"name": name, "summary": _ROOTS.get(name, "")} for name in dict.fromkeys([*SCOPE_NAMES, *_ROOTS])]
    return {"keys": dict(_keys(schema, schema, "", 0)), "functions": functions, "roots": roots}


def _keys(schema: dict[str, Any], node: dict[str, Any], path: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Yield the path and the keys of each object that a mapping file may contain.

    The path of the file itself is "", and the path of an item of `outputs` is `outputs[]`.
    """
    members = _members(schema, node)
    # No object of the schema contains itself today. If this changes, the limit prevents an endless recursion.
    if not members or depth > _MAX_DEPTH:
        return
    yield path, [{"name": name, **_described(schema, each)} for name, each in members.items()]
    for name, each in members.items():
        for below in _alternatives(schema, each):
            where = f"{path}.{name}" if path else name
            yield from _keys(schema, below, where, depth + 1)
            for item in _alternatives(schema, below.get("items", {})):
                yield from _keys(schema, item, f"{where}[]", depth + 1)


def _members(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    return {name: each for below in _alternatives(schema, node) for name, each in below.get("properties", {}).items()}


def _alternatives(schema: dict[str, Any], node: Any) -> list[dict[str, Any]]:
    """Return the alternatives of a schema, with references resolved."""
    if not isinstance(node, dict):
        return []
    if "$ref" in node:
        return _alternatives(schema, schema["$defs"][node["$ref"].removeprefix(_DEFINITIONS)])
    # If an object has `properties`, its `anyOf` lists combinations of required keys. These are not alternatives.
    choices = None if "properties" in node else node.get("anyOf") or node.get("oneOf")
    return [below for each in choices for below in _alternatives(schema, each)] if choices else [node]


def _described(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """Return the description of a key, and its values if it has a fixed set of values."""
    values: list[Any] = []
    for each in _alternatives(schema, node):
        values += each.get("enum", [each["const"]] if "const" in each else [])
        values += [True, False] if each.get("type") == "boolean" else []
    return {"summary": node.get("description", ""), "values": [yaml_text(each) for each in values]}
