"""Operations of `bridge/web/endpoints/mappings.py`."""

from __future__ import annotations

from typing import Final

from bridge.web.openapi.json_schemas import BOOLEAN, DATA, INTEGER, TEXT, array, dictionary, nullable, obj
from bridge.web.openapi.operation import Operation

_RECORD = obj(stream=TEXT, key=nullable(TEXT), bytes=INTEGER, data=DATA)
_REJECTION = obj(code=TEXT, detail=TEXT, item=nullable(INTEGER), streams=array(TEXT))
MADE: Final = {
    "records": array(_RECORD),
    "rejections": array(_REJECTION),
    "more": INTEGER,
    "more_rejections": INTEGER,
    "remembers": BOOLEAN,
}
_POSITION = {"line": INTEGER, "column": INTEGER, "end_line": INTEGER, "end_column": INTEGER}
PROBLEM: Final = obj(**_POSITION, path=TEXT, message=TEXT, advice=TEXT)
TEST: Final = obj(name=TEXT, passed=BOOLEAN, difference=TEXT)
_TRIED = obj(
    {
        "tests": array(TEST),
        "steps": array(array(TEXT)),
        "matched": BOOLEAN,
        "made": nullable(obj(**MADE)),
    },
    problems=array(PROBLEM),
)
_MESSAGE = {"topic": TEXT, "payload": TEXT, "payload_base64": TEXT, "qos": {"enum": [0, 1, 2]}, "retain": BOOLEAN}
_TIME = {"type": "string", "format": "date-time"}
_SAMPLE = {"type": "object", "properties": {**_MESSAGE, "at": _TIME}, "required": ["topic"]}
_MESSAGES = array(_SAMPLE, max_items=50)
_TRIAL = {
    "type": "object",
    "properties": {"mapping": TEXT, "name": TEXT, **_MESSAGE},
    "required": ["mapping", "name"],
}
_EDITED = {
    "type": "object",
    "properties": {"mapping": TEXT, "name": TEXT, "messages": _MESSAGES},
    "required": ["mapping", "name", "messages"],
}
_SIDE = obj(
    matched=BOOLEAN,
    records=array(_RECORD),
    rejections=array(obj(stream=TEXT, code=TEXT, detail=TEXT, item=nullable(INTEGER))),
    more=INTEGER,
)
_PREVIEWED = obj(topic=TEXT, at=TEXT, changed=BOOLEAN, before=_SIDE, after=_SIDE, differences=array(TEXT))
_TOPIC = {"type": "object", "properties": {"topic": TEXT, "messages": _MESSAGES}, "required": ["topic", "messages"]}
_NAMED = obj(name=TEXT, summary=TEXT)
_COMPLETIONS = obj(
    keys=dictionary(array(obj(name=TEXT, summary=TEXT, values=array(TEXT)))),
    functions=array(obj(name=TEXT, signature=TEXT, summary=TEXT, family=TEXT)),
    roots=array(_NAMED),
    tables=array(TEXT),
    schemas=array(TEXT),
)
_MAPPING = obj(
    name=TEXT,
    file=TEXT,
    text=TEXT,
    problems=array(PROBLEM),
    tests=array(TEXT),
    active=BOOLEAN,
    topic=TEXT,
    example=obj(topic=TEXT, payload=TEXT),
    version=TEXT,
    enabled=BOOLEAN,
    live=BOOLEAN,
    editable=BOOLEAN,
    why_not=TEXT,
    download=TEXT,
)
OPERATIONS: Final = {
    "GET /api/mappings/{name}": Operation(_MAPPING, errors=(403, 404, 409)),
    "GET /api/completions": Operation(_COMPLETIONS),
    "POST /api/try": Operation(_TRIED, body=_TRIAL, errors=(409,)),
    "POST /api/preview": Operation(
        obj(problems=array(PROBLEM), messages=array(_PREVIEWED), changed=INTEGER), body=_EDITED, errors=(403, 409)
    ),
    "POST /api/propose": Operation(obj(name=TEXT, text=TEXT, notes=array(TEXT)), body=_TOPIC, errors=(409,)),
}
