"""Operations of `bridge/web/endpoints/dead_letters.py`."""

from __future__ import annotations

from typing import Final

from bridge.web.openapi.json_schemas import BOOLEAN, DATA, INTEGER, TEXT, array, dictionary, nullable, obj
from bridge.web.openapi.operation import NATURAL_NUMBER, NUMBERS, QUERY_NUMBER, WORKER, Operation

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
    properties=dictionary({"anyOf": [TEXT, array(TEXT)]}),
    bytes=INTEGER,
    stored_bytes=INTEGER,
    payload=DATA,
)
_LIST = obj(dead_letters=array(obj(**_SUMMARY)), codes=dictionary(INTEGER), matching=INTEGER)
_CHOICE = {
    "type": "object",
    "properties": {"numbers": NUMBERS, "worker": nullable(NATURAL_NUMBER)},
    "required": ["numbers"],
}
RESULT: Final = obj(counts=dictionary(INTEGER), reasons=dictionary(INTEGER))
_GROUP_KEY = {"mapping": TEXT, "code": TEXT, "reason": TEXT}
_GROUP = obj(**_GROUP_KEY, dead_letters=INTEGER, first=TEXT, last=TEXT, newest=INTEGER, details=array(TEXT))
_STEP = {
    "type": "object",
    "properties": {**_GROUP_KEY, "worker": nullable(NATURAL_NUMBER), "after": NATURAL_NUMBER, "up_to": NATURAL_NUMBER},
    "required": list(_GROUP_KEY),
}
_STEP_RESULT = obj(counts=dictionary(INTEGER), reasons=dictionary(INTEGER), last=INTEGER, more=BOOLEAN)
OPERATIONS: Final = {
    "GET /api/dead-letters/groups": Operation(
        obj(groups=array(_GROUP), others=INTEGER), query=WORKER, errors=(400, 409)
    ),
    "GET /api/dead-letters/group": Operation(
        obj(dead_letters=array(obj(**_SUMMARY))),
        query={**WORKER, **_GROUP_KEY, "before": QUERY_NUMBER, "limit": QUERY_NUMBER},
        errors=(400, 409),
    ),
    "POST /api/dead-letters/group/replay": Operation(_STEP_RESULT, body=_STEP, errors=(409,)),
    "POST /api/dead-letters/group/delete": Operation(_STEP_RESULT, body=_STEP, errors=(409,)),
    "GET /api/dead-letters": Operation(
        _LIST, query={**WORKER, **FILTER, "before": QUERY_NUMBER, "limit": QUERY_NUMBER}, errors=(400, 409)
    ),
    "GET /api/dead-letters/numbers": Operation(
        obj(numbers=array(INTEGER), limit=INTEGER), query={**WORKER, **FILTER}, errors=(400, 409)
    ),
    "GET /api/dead-letters/{number}": Operation(
        _DEAD_LETTER, query=WORKER, path={"number": NATURAL_NUMBER}, errors=(400, 404, 409)
    ),
    "POST /api/dead-letters/replay": Operation(RESULT, body=_CHOICE, errors=(409,)),
    "POST /api/dead-letters/delete": Operation(RESULT, body=_CHOICE, errors=(409,)),
}
