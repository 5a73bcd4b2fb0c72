"""Descriptions, in words, of the values that a model's field accepts. They appear in problems and in documentation."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, RootModel, SecretBytes, SecretStr

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

KEYS_AND_VALUES = "keys and values"
# Types, each with its noun and the unit of its length. bool comes before int, because bool is a subclass of int.
_NOUNS: tuple[tuple[type | tuple[type, ...], str, str], ...] = (
    (bool, "true or false", ""),
    (int, "a whole number", ""),
    (float, "a number", ""),
    ((str, SecretStr, SecretBytes, PurePath), "text", "characters"),
    ((BaseModel, Mapping), KEYS_AND_VALUES, "keys"),
    ((Sequence, AbstractSet), "a list", "items"),
)


@dataclass(frozen=True, slots=True)
class Describe:
    """Description for a field whose type is too general: `Annotated[str, Describe("an AWS region, as us-east-1")]`."""

    text: str


class FieldType(NamedTuple):
    """A type with the metadata of `Annotated` and of the field. The type Any means that the type is unknown."""

    type: Any
    metadata: tuple[Any, ...] = ()

    @classmethod
    def of(cls, annotation: Any, metadata: tuple[Any, ...] = ()) -> FieldType:
        """Return the type inside `Annotated`, `| None` and root models, together with their metadata."""
        while True:
            if get_origin(annotation) is Annotated:
                annotation, *more = get_args(annotation)
                metadata = (*metadata, *more, *(part for item in more for part in getattr(item, "metadata", ())))
            elif isinstance(annotation, type) and issubclass(annotation, RootModel):
                annotation = annotation.model_fields["root"].annotation
            elif len(_members(annotation)) == 1:
                annotation = _members(annotation)[0]
            else:
                return cls(annotation, metadata)

    @classmethod
    def of_field(cls, field: FieldInfo) -> FieldType:
        """Return the type of a model's field."""
        discriminator = (field.discriminator,) if field.discriminator else ()
        return cls.of(field.annotation, (*field.metadata, *discriminator))

    @property
    def members(self) -> tuple[FieldType, ...]:
        """Alternatives of a union; empty for any other type."""
        return tuple(map(FieldType.of, _members(self.type)))

    @property
    def model(self) -> type[BaseModel] | None:
        """The model class, or None if the type is not a model."""
        return self.type if isinstance(self.type, type) and issubclass(self.type, BaseModel) else None

    @property
    def secret(self) -> bool:
        """True if values of this type must never be shown."""
        return any(member.secret for member in self.members) or self.type in (SecretStr, SecretBytes)


def _members(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) not in (Union, types.UnionType):
        return ()
    return tuple(member for member in get_args(annotation) if member is not type(None))


def expected(hint: FieldType) -> str:
    """Return the accepted values in words, or "" if the type is unknown.

    Examples: `a whole number from 5 to 65535`, `'block' or 'drop_oldest'`, `text or a list`.
    """
    for item in hint.metadata:
        if isinstance(item, Describe):
            return item.text
    if hint.members:
        texts = dict.fromkeys(expected(member) for member in hint.members)
        return "" if "" in texts else one_of(list(texts))
    if get_origin(hint.type) is Literal:
        return one_of([written(value) for value in get_args(hint.type)])
    kind = get_origin(hint.type) or hint.type
    for types_, noun, unit in _NOUNS:
        if isinstance(kind, type) and issubclass(kind, types_):
            return " ".join(filter(None, (noun, _range(hint.metadata), _length(hint.metadata, unit))))
    return ""


def choices(hint: FieldType) -> list[str]:
    """Return the texts that a `Literal` type or a union of such types accepts. Return [] for any other type."""
    if hint.members:
        return [choice for member in hint.members for choice in choices(member)]
    return (
        [value for value in get_args(hint.type) if isinstance(value, str)] if get_origin(hint.type) is Literal else []
    )


def one_of(texts: list[str]) -> str:
    """Return the texts joined in words: `a, b or c`."""
    return f"{', '.join(texts[:-1])} or {texts[-1]}" if len(texts) > 1 else "".join(texts)


def written(value: object) -> str:
    """Return a value as it is written in a YAML file."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value)


def _bound(metadata: tuple[Any, ...], name: str) -> Any:
    return next((getattr(item, name) for item in metadata if getattr(item, name, None) is not None), None)


def _range(metadata: tuple[Any, ...]) -> str:
    """Return the limits of a number in words, or "" if there are none."""
    low, high = _bound(metadata, "ge"), _bound(metadata, "le")
    above, below = _bound(metadata, "gt"), _bound(metadata, "lt")
    if low is not None and high is not None:
        return f"from {low} to {high}"
    parts = (
        (low, f"of at least {low}"),
        (above, f"above {above}"),
        (high, f"of at most {high}"),
        (below, f"below {below}"),
    )
    return " and ".join(text for bound, text in parts if bound is not None)


def _length(metadata: tuple[Any, ...], unit: str) -> str:
    """Return the limits of a length in words, or "" if there are none or the type has no length."""
    low, high = _bound(metadata, "min_length"), _bound(metadata, "max_length")
    if not unit or (not low and high is None):
        return ""
    if high is None:
        return f"of at least {low} {unit}" if low > 1 else f"of at least one {unit.removesuffix('s')}"
    return f"of {low} to {high} {unit}" if low else f"of at most {high} {unit}"
