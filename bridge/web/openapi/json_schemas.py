"""JSON Schemas of the API's values. They permit no additional properties."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
BOOLEAN: Schema = {"type": "boolean"}
ANY: Schema = {}
_PLAIN = {str: TEXT, int: INTEGER, float: NUMBER, bool: BOOLEAN, NoneType: {"type": "null"}, Any: ANY}


def array(items: Schema, max_items: int | None = None) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": items} | ({} if max_items is None else {"maxItems": max_items})


def nullable(schema: Schema) -> Schema:
    """Return the schema of a value that may be null."""
    return {"anyOf": [schema, {"type": "null"}]}


def dictionary(values: Schema) -> Schema:
    """Return the schema of an object whose properties can have any name. `values` is the schema of their values."""
    return {"type": "object", "additionalProperties": values}


def obj(optional: Mapping[str, Schema] | None = None, /, **required: Schema) -> Schema:
    """Return the schema of an object with optional and required properties, and no others."""
    properties = {**required, **(optional or {})}
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def fields_of(kind: type, known: Mapping[str, Any] | None = None) -> dict[str, Schema]:
    """Return the schemas of the fields of a dataclass or named tuple.

    `known` has the types that the module of `kind` imports only for type checking, by name.
    """
    return {name: _schema(hint, known) for name, hint in get_type_hints(kind, localns=dict(known or {})).items()}


def object_of(kind: type) -> Schema:
    """Return the schema of a dataclass or named tuple whose fields are the properties of an object."""
    return obj(**fields_of(kind))


def _schema(hint: Any, known: Mapping[str, Any] | None) -> Schema:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, UnionType):
        return {"anyOf": [_schema(each, known) for each in arguments]}
    if origin is tuple and arguments[-1] is not Ellipsis:
        # In each tuple of the API, all items have the same type.
        size = len(arguments)
        return array(_schema(arguments[0], known), size) | {"minItems": size}
    if origin in (tuple, list):
        return array(_schema(arguments[0], known))
    if origin is not None and issubclass(origin, Mapping):
        return dictionary(_schema(arguments[1], known))
    # Any other type is a dataclass or a named tuple.
    return _PLAIN[hint] if hint in _PLAIN else obj(**fields_of(hint, known))


DATA: Schema = {
    "description": "UTF-8 data as text, other data as base64. `cut` is true if the data is longer.",
    "oneOf": [obj(text=TEXT, cut=BOOLEAN), obj(base64=TEXT, cut=BOOLEAN)],
}
ERROR = obj(error=TEXT)
