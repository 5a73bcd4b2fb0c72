"""The options that a bridge uses, with the value and the origin of each option. Secrets are not shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, SecretStr

from bridge.config.settings import load_settings
from bridge.monitoring.configuration import Configuration, EffectiveOption
from bridge.yaml_files import read_document
from bridge.yaml_files.nodes import find, scalars

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bridge.monitoring.configuration import Source
    from bridge.yaml_files import Document

# Options that may contain a secret or a part of a secret, although their type is not SecretStr.
_MAY_HOLD_SECRETS: Final = frozenset({"command", "external_id", "access_key_id"})
# Pattern of `user:password` in a URL.
_USER_INFO: Final = re.compile(r"(?<=://)[^/@\s]+(?=@)")


def effective_options(file: Path, environ: Mapping[str, str]) -> Configuration:
    """Return the options of `file` with the values that the bridge uses. Raise ConfigError."""
    # The file is read twice: the settings have the values and defaults, and the document has their origins.
    document = read_document(file, substitute=True, environ=environ)
    return Configuration(file.absolute(), tuple(_of_model(load_settings(file, environ), (), document)))


def _of_model(model: BaseModel, path: tuple[str, ...], document: Document) -> Iterator[EffectiveOption]:
    for name, field in type(model).model_fields.items():
        value, here = getattr(model, name), (*path, name)
        if isinstance(value, BaseModel):
            yield from _of_model(value, here, document)
            continue
        # The value of an unset secret is None, so the type of its field is checked too.
        secret = isinstance(value, SecretStr) or name in _MAY_HOLD_SECRETS or "SecretStr" in str(field.annotation)
        source, references = _source(here, document)
        shown = "" if secret or value is None else _text(value)
        is_set = value not in (None, (), [], {})
        yield EffectiveOption(".".join(here), shown, is_set, secret, source, references, field.description or "")


def _source(path: tuple[str, ...], document: Document) -> tuple[Source, tuple[str, ...]]:
    entry, exact = find(document.root, path)
    if not exact:
        return "default", ()
    # A value may contain several references. The first reference determines the source that is shown.
    references = tuple(dict.fromkeys(each for scalar in scalars(entry.node) for each in scalar.sources))
    if not references:
        return "file", ()
    return ("secret file" if references[0].startswith("${file:") else "environment"), references


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(map(_text, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_text(each)}" for key, each in value.items())
    # The user information of a URL may contain a password.
    return _USER_INFO.sub("…", str(value))
