"""A document against a pydantic model: every problem at once, each at its place, in the user's words.

Values are taken strictly, as JSON is: `"5"` is no number, 5 is no text. Only a value that stands for a variable or a
secret file is always text to begin with, and is read as a number or as true/false where the model asks for one.

A problem never shows a value that came from outside, nor one of a SecretStr field.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError

from bridge.documents.locations import locate
from bridge.documents.nodes import Scalar, find
from bridge.documents.scalar_types import resolve
from bridge.documents.validation_messages import problem
from bridge.errors import ConfigError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from bridge.documents.document import Document
    from bridge.documents.locations import Location
    from bridge.documents.nodes import Path

M = TypeVar("M", bound=BaseModel)
Located: TypeAlias = "tuple[ErrorDetails, Location]"
_WANTED: dict[str, type | tuple[type, ...]] = {"int_type": int, "float_type": (int, float), "bool_type": bool}


def validate(model: type[M], document: Document, path: Path = (), *, context: Any = None) -> M:
    """The model made of what stands at `path`; validators see `context`. Raises ConfigError.

    A validator's ValueError is shown as it is: let it say what is expected. The value found must not be in it where it
    may be a secret.
    """
    data = document.data
    for part in path:
        data = data[part]
    while True:
        try:
            return model.model_validate_json(json.dumps(data), strict=True, context=context)
        except ValidationError as error:
            located = [_locate(model, details, data, path) for details in error.errors(include_url=False)]
        converted = _convert(document, data, located, path)
        if converted is data:
            # Outside the except block: the ValidationError holds the values, and must not be this one's context.
            raise ConfigError(dict.fromkeys(problem(document, *found) for found in _spoken_of(located)))
        data = converted


def _locate(model: type[BaseModel], details: ErrorDetails, data: Any, path: Path) -> Located:
    location = locate(model, details["loc"], data, missing=details["type"] == "missing")
    return details, location._replace(path=path + location.path)


def _convert(document: Document, data: Any, located: list[Located], path: Path) -> Any:
    """The data with numbers and booleans where variables stand for them; the same object where there are none."""
    for details, location in located:
        entry, exact = find(document.root, location.path)
        wanted = _WANTED.get(details["type"])
        if not exact or not wanted or not isinstance(entry.node, Scalar) or not entry.node.sources:
            continue
        value = resolve(entry.node.text.strip())
        if isinstance(value, wanted) and not (isinstance(value, bool) and wanted is not bool):
            data = _replaced(data, location.path[len(path) :], value)
    return data


def _replaced(data: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    copy = data.copy()
    copy[path[0]] = _replaced(data[path[0]], path[1:], value)
    return copy


def _spoken_of(located: list[Located]) -> list[Located]:
    """What the user should hear of: of a union's alternatives only the one that came furthest, as it is what was meant;
    and no short list whose items have problems of their own (pydantic counts only the valid ones)."""
    furthest: dict[Path, tuple[int, bool]] = {}
    branches: dict[tuple[Path, str], tuple[int, bool]] = {}
    parents = {at.path[:end] for _, at in located for end in range(len(at.path))}
    for details, at in located:
        for branch in at.unions[:1]:
            rank = (len(at.path), not details["type"].endswith("_type"))
            branches[branch] = max(rank, branches.get(branch, rank))
            furthest[branch[0]] = max(rank, furthest.get(branch[0], rank))
    return [
        (details, at)
        for details, at in located
        if all(branches[branch] == furthest[branch[0]] for branch in at.unions[:1])
        and not (details["type"] == "too_short" and at.path in parents)
    ]
