"""Conversion of pydantic's error locations to the path in the file and the type that the model expects there.

Pydantic's locations are tuples of keys and indexes. They also contain names of union alternatives, which the file does
not contain. For example, `("url", "list[str]", 1)` is the location of `url[1]`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args, get_origin

from bridge.yaml_files.type_descriptions import FieldType

if TYPE_CHECKING:
    from pydantic import BaseModel

    from bridge.yaml_files.nodes import Path

# Pydantic's marker for an error in a key of a table, and not in the key's value.
_KEY = "[key]"
# Prefix that pydantic puts before the name of a type with validators or limits.
_VALIDATOR = re.compile(r"(function-\w+\[[^,]*, |constrained-)+")


class Location(NamedTuple):
    """The position of an error in the data, with the type expected there.

    `hint` is the type expected at `path`. `owner` is the model with the field at `path`. `unions` lists the unions that
    contain `path`: the path of each union, and the alternative that pydantic tried.
    """

    path: Path
    hint: FieldType
    owner: type[BaseModel] | None
    unions: tuple[tuple[Path, str], ...]


def locate(model: type[BaseModel], where: Path, data: Any, *, missing: bool) -> Location:
    """Convert `where`, pydantic's location of an error in `data`, to a Location.

    `missing` is true if the last part of `where` is a key that does not exist in `data`.
    """
    path: list[str | int] = []
    hint, at_union, owner = FieldType.of(model), None, None
    unions: list[tuple[Path, str]] = []
    for number, part in enumerate(where):
        unknown = hint.type is Any and not _has(data, part) and not (missing and number == len(where) - 1)
        # A part is the name of a union's alternative, the marker `_KEY`, or a key or index of the data.
        if hint.members or unknown:
            unions.append((tuple(path), str(part)))
            # The message lists all alternatives, so it needs the type of the union.
            at_union, hint = at_union or hint, _member(hint, str(part))
        elif part != _KEY:
            path.append(part)
            owner, hint, at_union = hint.model, _below(hint, part), None
            data = data[part] if _has(data, part) else None
    return Location(tuple(path), at_union or hint, owner, tuple(unions))


def _has(data: Any, part: str | int) -> bool:
    if isinstance(data, dict):
        return part in data
    return isinstance(data, list) and isinstance(part, int) and 0 <= part < len(data)


def _below(hint: FieldType, part: str | int) -> FieldType:
    """Return the type of the field, list item or table value at `part`. Return Any if the type is unknown."""
    if hint.model is not None:
        for name, field in hint.model.model_fields.items():
            if part in (name, field.alias, field.validation_alias):
                return FieldType.of_field(field)
        return FieldType(Any)
    arguments = get_args(hint.type)
    if isinstance(part, int) and arguments:
        return FieldType.of(
            arguments[0] if len(arguments) == 1 or arguments[-1] is ... else arguments[part % len(arguments)]
        )
    return FieldType.of(arguments[1]) if len(arguments) == 2 else FieldType(Any)  # noqa: PLR2004 - a table has a type for keys and one for values


def _member(hint: FieldType, label: str) -> FieldType:
    """Return the alternative of a union that pydantic calls `label`.

    `label` is the name or tag of a model, or begins with the name of another type.
    """
    for member in hint.members:
        if member.model is not None and (label == member.model.__name__ or label in tags(member.model)):
            return member
    for member in hint.members:
        name = getattr(get_origin(member.type) or member.type, "__name__", "").lower()
        if name and _VALIDATOR.sub("", label.lower(), count=1).startswith(name):
            return member
    return FieldType(Any)


def tags(model: type[BaseModel]) -> list[Any]:
    """Return the values of the model's `Literal` fields. They distinguish the models of a union."""
    return [
        value
        for field in model.model_fields.values()
        if get_origin(field.annotation) is Literal
        for value in get_args(field.annotation)
    ]
