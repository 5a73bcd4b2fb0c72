"""Operations of `bridge/web/endpoints/mappings.py`."""

from __future__ import annotations

from typing import Final

from bridge.web.openapi.operation import Operation
from bridge.web.openapi.schemas import BOOLEAN, DATA, INTEGER, TEXT, array, nullable, obj

_RECORD = obj(stream=TEXT, key=nullable(TEXT), bytes=INTEGER, data=DATA)
_REJECTION = obj(code=TEXT, detail=TEXT, item=nullable(INTEGER), streams=array(TEXT))
MADE: Final = {
    "records": array(_RECORD),
    "rejections": array(_REJECTION),
    "more": INTEGER,
    "remembers": BOOLEAN,
}
_PROBLEM = obj(line=INTEGER, column=INTEGER, path=TEXT, message=TEXT)
_TEST = obj(name=TEXT, passed=BOOLEAN, difference=TEXT)
_TRIED = obj(
    {
        "tests": array(_TEST),
        "steps": array(array(TEXT)),
        "matched": BOOLEAN,
        "made": nullable(obj(**MADE)),
    },
    problems=array(_PROBLEM),
)
_MESSAGE = {"topic": TEXT, "payload": TEXT, "payload_base64": TEXT, "qos": {"enum": [0, 1, 2]}, "retain": BOOLEAN}
_TRIAL = {
    "type": "object",
    "properties": {"mapping": TEXT, "name": TEXT, **_MESSAGE},
    "required": ["mapping", "name"],
}
_MAPPING = obj(
    name=TEXT,
    file=TEXT,
    text=TEXT,
    problems=array(TEXT),
    tests=array(TEXT),
    active=BOOLEAN,
    topic=TEXT,
    example=obj(topic=TEXT, payload=TEXT),
)
OPERATIONS: Final = {
    "GET /api/mappings/{name}": Operation(_MAPPING, errors=(403, 404, 409)),
    "POST /api/try": Operation(_TRIED, body=_TRIAL, errors=(409,)),
}
