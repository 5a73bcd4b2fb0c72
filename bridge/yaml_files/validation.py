"""Validation of a document with a pydantic model. It reports all problems at once, with positions, in words for users.

Values are validated strictly, as in JSON: `"5"` is not a number, and 5 is not text. There is one exception. The value
of a variable or secret file is always text, so it is converted if the model requires a number or a boolean.

A problem never shows the value of a variable, of a secret file, or of a SecretStr field.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError

from bridge.errors import ConfigError
from bridge.yaml_files.locations import locate
from bridge.yaml_files.nodes import Scalar, find
from bridge.yaml_files.scalar_types import resolve
from bridge.yaml_files.validation_messages import problem

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from bridge.yaml_files.document import Document
    from bridge.yaml_files.locations import Location
    from bridge.yaml_files.nodes import Path

M = TypeVar("M", bound=BaseModel)
Located: TypeAlias = "tuple[ErrorDetails, Location]"
# Types to which a substituted text may be converted, by the type of pydantic's error.
_WANTED: dict[str, type | tuple[type, ...]] = {"int_type": int, "float_type": (int, float), "bool_type": bool}


def validate(model: type[M], document: Document, path: Path = (), *, context: Any = None) -> M:
    """Validate the data at `path` and return it as `model`. Raise ConfigError with all problems.

    The model's validators receive `context`. The text of their ValueError is shown unchanged. So the text should state
    what is expected, and must not quote a value that may be a secret.
    """
    data = document.data
    for part in path:
        data = data[part]
    # The loop validates again after each conversion, because pydantic may then find further errors.
    while True:
        try:
            # The data is passed as JSON. For Python values, strict validation refuses a list for a tuple, and text for
            # a path.
            return model.model_validate_json(json.dumps(data), strict=True, context=context)
        except ValidationError as error:
            located = [_locate(model, details, data, path) for details in error.errors(include_url=False)]
        converted = _convert(document, data, located, path)
        if converted is data:
            # This statement is outside the except block. Inside, the ValidationError would become the context of this
            # error, and the ValidationError contains the values.
            raise ConfigError(dict.fromkeys(problem(document, *found) for found in _errors_to_show(located)))
        data = converted


def _locate(model: type[BaseModel], details: ErrorDetails, data: Any, path: Path) -> Located:
    location = locate(model, details["loc"], data, missing=details["type"] == "missing")
    return details, location._replace(path=path + location.path)


def _convert(document: Document, data: Any, located: list[Located], path: Path) -> Any:
    """Return a copy of the data. Substituted texts become numbers and booleans if the model requires them.

    If no text can be converted, return the same object.
    """
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


def _errors_to_show(located: list[Located]) -> list[Located]:
    """Return the errors to show.

    1. For a union, pydantic reports the errors of every alternative. Only the alternative with the deepest errors is
       used, because the user probably meant this alternative.
    2. Pydantic counts only the valid items of a list. So if items have errors, the error that the list is too short is
       omitted.
    """
    furthest: dict[Path, tuple[int, bool]] = {}
    branches: dict[tuple[Path, str], tuple[int, bool]] = {}
    parents = {at.path[:end] for _, at in located for end in range(len(at.path))}
    for details, at in located:
        for branch in at.unions[:1]:
            # If two alternatives have errors at the same depth, an alternative without a wrong type fits better.
            rank = (len(at.path), not details["type"].endswith("_type"))
            branches[branch] = max(rank, branches.get(branch, rank))
            furthest[branch[0]] = max(rank, furthest.get(branch[0], rank))
    return [
        (details, at)
        for details, at in located
        if all(branches[branch] == furthest[branch[0]] for branch in at.unions[:1])
        and not (details["type"] == "too_short" and at.path in parents)
    ]
