"""Parser that converts the text of a schema (an `.avsc` file) to a graph of types.

Names are resolved by the rules of the specification. Defaults, aliases, documentation and unknown attributes are
ignored, because they do not change the meaning of a message's bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from bridge.payloads.schema_files import SchemaError

PRIMITIVES: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
MAX_DEPTH: Final = 128
"""Maximum number of nested levels in a schema."""
MAX_FIXED_BYTES: Final = 1 << 24
"""Maximum size of a `fixed` type: 16 MiB, which is more than the largest record."""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_MAX_SCALE: Final = 100


@dataclass(slots=True, eq=False)
class AvroType:
    """One type of a schema. A recursive schema has cycles, so types are compared by identity.

    `kind` is the name of a primitive type, or record, enum, array, map, union or fixed. `fields` has the fields of a
    record. `inner` has the item type of an array, the value type of a map, or the alternatives of a union.
    """

    kind: str
    name: str = ""
    fields: list[tuple[str, AvroType]] = field(default_factory=list)
    inner: list[AvroType] = field(default_factory=list)
    symbols: tuple[str, ...] = ()
    size: int = 0
    logical: str = ""
    scale: int = 0


def parse_schema(text: bytes) -> AvroType:
    """Return the type that a schema describes. Raise SchemaError."""
    try:
        data = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise SchemaError(f"line {error.lineno}, column {error.colno}: not JSON: {error.msg}") from None
    return _SchemaReader().read(data, "", "the schema", 0)


class _SchemaReader:
    """Reader of one schema. `_named` has the types with a name that were read so far, by their full names."""

    def __init__(self) -> None:
        self._named: dict[str, AvroType] = {}

    def read(self, data: Any, namespace: str, where: str, depth: int) -> AvroType:
        """Return the type that `data` describes. Raise SchemaError, with the position `where`."""
        if depth > MAX_DEPTH:
            raise SchemaError(f"{where}: more than {MAX_DEPTH} levels")
        if isinstance(data, str):
            return self._reference(data, namespace, where)
        if isinstance(data, list):
            return self._union(data, namespace, where, depth)
        if not isinstance(data, dict):
            raise SchemaError(f"{where}: expected a type, found {str(data)[:40]}")
        given = data.get("type")
        # The type may also be an object or a list, which cannot be looked up in a set.
        kind = given if isinstance(given, str) else ""
        if kind in {"record", "error", "enum", "fixed"}:
            return self._named_type(data, kind, namespace, where, depth)
        if kind in {"array", "map"}:
            key = "items" if kind == "array" else "values"
            if key not in data:
                raise SchemaError(f"{where}: '{key}' is missing in an {kind}".replace("an map", "a map"))
            return AvroType(kind, inner=[self.read(data[key], namespace, f"{where}.{key}", depth + 1)])
        if given is None:
            raise SchemaError(f"{where}: 'type' is missing")
        found = self.read(given, namespace, where, depth + 1)
        return _with_logical(found, data) if found.kind in PRIMITIVES else found

    def _reference(self, name: str, namespace: str, where: str) -> AvroType:
        if name in PRIMITIVES:
            return AvroType(name)
        full = name if "." in name or not namespace else f"{namespace}.{name}"
        # The name is first looked up in the namespace of the enclosing type. Some generators also write such a name for
        # a type without a namespace, so the bare name is looked up next.
        found = self._named.get(full) or self._named.get(name)
        if found is None:
            raise SchemaError(f"{where}: unknown type '{name[:60]}'; a type is declared before it is used")
        return found

    def _union(self, data: list[Any], namespace: str, where: str, depth: int) -> AvroType:
        if not data:
            raise SchemaError(f"{where}: a union without a type")
        branches = [self.read(each, namespace, f"{where}[{at}]", depth + 1) for at, each in enumerate(data)]
        if any(branch.kind == "union" for branch in branches):
            raise SchemaError(f"{where}: a union within a union")
        return AvroType("union", inner=branches)

    def _named_type(self, data: dict[str, Any], kind: str, namespace: str, where: str, depth: int) -> AvroType:
        name, space = data.get("name"), data.get("namespace", namespace)
        if not isinstance(name, str) or not isinstance(space, str) or not _NAME.fullmatch(name):
            raise SchemaError(f"{where}: the {kind} needs a name of letters, digits and _")
        full = name if "." in name or not space else f"{space}.{name}"
        if full in self._named or full in PRIMITIVES:
            raise SchemaError(f"{where}: the name '{full}' occurs twice")
        # The type is stored before its fields are read, because a field may refer to this record.
        made = self._named[full] = AvroType("record" if kind == "error" else kind, full)
        if made.kind == "record":
            made.fields += self._fields(data, full.rpartition(".")[0], f"{where}.{name}", depth)
        elif kind == "enum":
            made.symbols = _symbols(data, where)
        else:
            made.size = _fixed_size(data, where)
            return _with_logical(made, data)
        return made

    def _fields(self, data: dict[str, Any], namespace: str, where: str, depth: int) -> list[tuple[str, AvroType]]:
        fields = data.get("fields")
        if not isinstance(fields, list):
            raise SchemaError(f"{where}: a record needs 'fields', a list")
        found: dict[str, AvroType] = {}
        for each in fields:
            name = each.get("name") if isinstance(each, dict) else None
            if not isinstance(name, str) or "type" not in each:
                raise SchemaError(f"{where}: each field needs 'name' and 'type'")
            if name in found:
                raise SchemaError(f"{where}: the field '{name}' occurs twice")
            found[name] = self.read(each["type"], namespace, f"{where}.{name}", depth + 1)
        return list(found.items())


def _symbols(data: dict[str, Any], where: str) -> tuple[str, ...]:
    symbols = data.get("symbols")
    if not isinstance(symbols, list) or not symbols or not all(isinstance(each, str) for each in symbols):
        raise SchemaError(f"{where}: an enum needs 'symbols', a list of texts")
    return tuple(symbols)


def _fixed_size(data: dict[str, Any], where: str) -> int:
    size = data.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MAX_FIXED_BYTES:
        raise SchemaError(f"{where}: a fixed type needs 'size', at most {MAX_FIXED_BYTES:,} bytes")
    return size


def _with_logical(found: AvroType, data: dict[str, Any]) -> AvroType:
    """Set the logical type of a type, if it is decimal or uuid. Return the type.

    Other logical types do not change how values are read. An invalid logical type is ignored, as the specification
    requires.
    """
    logical, scale = data.get("logicalType"), data.get("scale", 0)
    if logical == "decimal" and found.kind in {"bytes", "fixed"}:
        if isinstance(scale, int) and 0 <= scale <= _MAX_SCALE:
            found.logical, found.scale = "decimal", scale
    elif logical == "uuid" and found.kind == "fixed" and found.size == 16:  # noqa: PLR2004 - bytes of a UUID
        found.logical = "uuid"
    return found
