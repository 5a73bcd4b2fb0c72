"""Operations of `bridge/web/endpoints/dead_letters.py`."""

from __future__ import annotations

from typing import Final

from bridge.web.openapi.operation import NUMBER_TEXT, NUMBERS, WORKER, Operation
from bridge.web.openapi.schemas import BOOLEAN, DATA, INTEGER, TEXT, array, nullable, obj, table

FILTER: Final = {"code": TEXT, "mapping": TEXT, "stream": TEXT, "topic": TEXT}
_KIND = {"enum": ["message", "record"]}
_SUMMARY = {
    "number": INTEGER,
    "kind": _KIND,
    "at": TEXT,
    "code": TEXT,
    "detail": TEXT,
    "mapping": TEXT,
    "streams": array(TEXT),
    "topic": TEXT,
}
_DEAD_LETTER = obj(
    **_SUMMARY,
    item=nullable(INTEGER),
    qos=INTEGER,
    retain=BOOLEAN,
    key=nullable(TEXT),
    properties=table({"anyOf": [TEXT, array(TEXT)]}),
    bytes=INTEGER,
    stored_bytes=INTEGER,
    payload=DATA,
)
_LIST = obj(dead_letters=array(obj(**_SUMMARY)), codes=table(INTEGER), matching=INTEGER)
_CHOICE = {
    "type": "object",
    "properties": {"numbers": NUMBERS, "worker": nullable(INTEGER)},
    "required": ["numbers"],
}
RESULT: Final = obj(counts=table(INTEGER), reasons=table(INTEGER))
OPERATIONS: Final = {
    "GET /api/dead-letters": Operation(
        _LIST, query={**WORKER, **FILTER, "before": NUMBER_TEXT, "limit": NUMBER_TEXT}, errors=(400, 409)
    ),
    "GET /api/dead-letters/numbers": Operation(
        obj(numbers=array(INTEGER), limit=INTEGER), query={**WORKER, **FILTER}, errors=(400, 409)
    ),
    "GET /api/dead-letters/{number}": Operation(
        _DEAD_LETTER, query=WORKER, path={"number": NUMBER_TEXT}, errors=(400, 404, 409)
    ),
    "POST /api/dead-letters/replay": Operation(RESULT, body=_CHOICE, errors=(409,)),
    "POST /api/dead-letters/delete": Operation(RESULT, body=_CHOICE, errors=(409,)),
}
