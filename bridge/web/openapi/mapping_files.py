"""Operations of `bridge/web/endpoints/mapping_files.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

from bridge.web.editing.version_entry import Action
from bridge.web.openapi.json_schemas import BOOLEAN, INTEGER, TEXT, Schema, array, nullable, obj
from bridge.web.openapi.mappings import PROBLEM, TEST
from bridge.web.openapi.operation import NATURAL_NUMBER, Operation

if TYPE_CHECKING:
    from collections.abc import Mapping

_CODES = [
    "conflict",
    "exists",
    "invalid",
    "last",
    "no-text",
    "not-editable",
    "not-written",
    "tests-failed",
    "too-many",
]
REFUSED: Final = obj(
    {
        "code": {"enum": _CODES},
        "text": nullable(TEXT),
        "version": TEXT,
        "differences": TEXT,
        "problems": array(PROBLEM),
        "tests": array(TEST),
    },
    error=TEXT,
)
"""Response to an edit that is refused.

If `code` is `conflict`, the response also has the current text and version of the file, and how this text differs from
the text in the request.
"""
_REFUSALS = {403: REFUSED, 409: REFUSED}
_FILE = obj(
    name=TEXT,
    file=TEXT,
    enabled=BOOLEAN,
    active=BOOLEAN,
    problems=INTEGER,
    version=TEXT,
    bytes=INTEGER,
    modified_ms=INTEGER,
)
_DELETED = obj(name=TEXT, at_ms=INTEGER, by=TEXT, note=TEXT)
_ENTRY = {
    "id": TEXT,
    "at_ms": INTEGER,
    "by": TEXT,
    "action": {"enum": list(get_args(Action))},
    "note": TEXT,
    "version": TEXT,
    "bytes": INTEGER,
    "old_name": TEXT,
}
# MAX_NOTE_CHARS in bridge/web/endpoints/mapping_files.py has the same value.
_NOTE = {"note": {"type": ["string", "null"], "maxLength": 500}}


def _body(optional: Mapping[str, Schema] | None = None, /, **required: Schema) -> Schema:
    """Return the schema of a request that also has a note, and the version of the file that its user has seen."""
    properties = {**required, **(optional or {}), "version": nullable(TEXT), **_NOTE}
    return {"type": "object", "properties": properties, "required": list(required)}


_ID = {"type": "string", "pattern": "^[0-9]{1,18}$"}
_FORCE = {"force_tests": BOOLEAN}
_VERSION = obj(version=TEXT)
_SAVED = obj(version=TEXT, tests=array(TEST))
OPERATIONS: Final = {
    "GET /api/mapping-files": Operation(
        obj(editable=BOOLEAN, why_not=TEXT, folder=TEXT, files=array(_FILE), deleted=array(_DELETED)), errors=(409,)
    ),
    "PUT /api/mappings/{name}": Operation(
        _SAVED, body=_body(_FORCE, text={"type": "string", "minLength": 1}), others={**_REFUSALS, 422: REFUSED}
    ),
    "POST /api/mappings/{name}/compare": Operation(
        obj(text=TEXT, version=TEXT, differences=TEXT),
        body={"type": "object", "properties": {"text": TEXT}, "required": ["text"]},
        errors=(403, 404, 409),
    ),
    "POST /api/mappings/{name}/rename": Operation(
        obj(version=TEXT, name=TEXT, notes=array(TEXT)), body=_body(to=TEXT), errors=(404,), others=_REFUSALS
    ),
    "POST /api/mappings/{name}/disable": Operation(_VERSION, body=_body(), errors=(404,), others=_REFUSALS),
    "POST /api/mappings/{name}/enable": Operation(
        _VERSION, body=_body(), errors=(404,), others={**_REFUSALS, 422: REFUSED}
    ),
    "POST /api/mappings/{name}/delete": Operation(obj(), body=_body(), errors=(404,), others=_REFUSALS),
    "POST /api/mappings/{name}/rollback": Operation(
        _SAVED,
        body=_body(_FORCE, id=_ID),
        errors=(404,),
        others={**_REFUSALS, 422: REFUSED},
    ),
    "GET /api/mappings/{name}/history": Operation(
        obj(entries=array(obj(**_ENTRY)), damaged=INTEGER), errors=(403, 409)
    ),
    "GET /api/mappings/{name}/history/{id}": Operation(
        obj(**_ENTRY, text=TEXT, differences=TEXT), path={"id": NATURAL_NUMBER}, errors=(400, 403, 404, 409)
    ),
}
