"""The table of all options, for the documentation and `init`. It is generated from the models of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bridge.config.settings import Settings
from bridge.yaml_files.option_types import Section, parse_size, size_text
from bridge.yaml_files.type_descriptions import Describe, FieldType, choices, expected, one_of, written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel
    from pydantic.fields import FieldInfo


class Option(NamedTuple):
    """A row of the table.

    `name` is the option's path in the file. `default` is the default as written in the file. It is "required" for a
    required option, and "" for no default. `secret` is true if the value must not be stored or shown as plain text.
    """

    name: str
    type: str
    default: str
    description: str
    secret: bool = False


def options() -> list[Option]:
    """Return every option of `bridge.yaml`, in the order of the models."""
    return list(_of_model(Settings, ""))


def _of_model(model: type[BaseModel], prefix: str) -> Iterator[Option]:
    """Yield the rows of a model's fields, with names that begin with `prefix`."""
    for name, field in model.model_fields.items():
        hint = FieldType.of_field(field)
        if hint.model is not None:
            yield from _of_section(hint.model, field, prefix + name)
        elif field.discriminator and not _described_elsewhere(hint):
            yield from _of_choice(hint, field, prefix + name)
        else:
            secret = "SecretStr" in str(field.annotation)
            yield Option(prefix + name, expected(hint), _default(field, hint), field.description or "", secret)


def _of_section(model: type[BaseModel], field: FieldInfo, name: str) -> Iterator[Option]:
    """Yield a row for the section if it has a description. Then yield the rows of its fields."""
    if field.description:
        default = "" if field.default is not None else "null"
        yield Option(name, expected(FieldType.of_field(field)), default, field.description)
    yield from _of_model(model, f"{name}.")


def _of_choice(union: FieldType, field: FieldInfo, name: str) -> Iterator[Option]:
    """Yield one row for the option that selects the type. Then yield the rows of the options of all types."""
    tag = str(field.discriminator)
    members = [member.model for member in union.members if member.model is not None]
    tags = {choice: model for model in members for choice in choices(FieldType.of_field(model.model_fields[tag]))}
    described = "; ".join(f"`{choice}`: {model.model_fields[tag].description}" for choice, model in tags.items())
    default = "required" if field.is_required() else str(getattr(field.default, tag))
    yield Option(f"{name}.{tag}", one_of([written(choice) for choice in tags]), default, described)
    # If several types have the same option, it gets only one row, which names these types.
    settings: dict[Option, list[str]] = {}
    for choice, model in tags.items():
        for option in _of_model(model, f"{name}."):
            # The option that selects the type has its row already.
            if option.name != f"{name}.{tag}":
                settings.setdefault(option, []).append(f"`{choice}`")
    for option, types in settings.items():
        yield option._replace(description=f"({tag}: {one_of(types)}) {option.description}")


def _described_elsewhere(hint: FieldType) -> bool:
    """Return whether the rows of another option describe this union."""
    # `source` of an assumed role is such a union: it has the settings of `kinesis.authentication`, and a `Describe`.
    return any(isinstance(item, Describe) for item in hint.metadata)


def _default(field: FieldInfo, hint: FieldType) -> str:
    """Return the default of a field, for `Option.default`."""
    if field.is_required():
        return "required"
    if field.default in (None, {}):
        return ""
    # The default of a union is a model, so the `type` of this model is shown.
    if isinstance(field.default, Section):
        return str(getattr(field.default, str(field.discriminator)))
    if isinstance(field.default, bool):
        return str(field.default).lower()
    is_size = any(getattr(item, "func", None) is parse_size for item in hint.metadata)
    if is_size:
        return size_text(field.default)
    return str(field.default)
