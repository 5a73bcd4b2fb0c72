"""Operations of `bridge/web/endpoints/recording.py`."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Final

from bridge.monitoring.recording.curve_values import UNITS
from bridge.monitoring.recording.curves import RESOLUTIONS
from bridge.monitoring.recording.event import EVENT_KINDS, Event
from bridge.web.endpoints.recording import MAX_EVENTS
from bridge.web.openapi.json_schemas import BOOLEAN, INTEGER, NUMBER, TEXT, array, dictionary, fields_of, nullable, obj
from bridge.web.openapi.operation import Operation

_RANGE: Final = {"enum": list(RESOLUTIONS)}
_POINTS: Final = array(nullable(NUMBER))
_REQUIRED: Final = {each.name for each in fields(Event) if each.default is MISSING}
_FIELDS: Final = fields_of(Event)
_EVENT: Final = obj(
    {name: schema for name, schema in _FIELDS.items() if name not in _REQUIRED},
    **{name: schema for name, schema in _FIELDS.items() if name in _REQUIRED},
    ongoing=BOOLEAN,
)
OPERATIONS: Final = {
    "GET /api/history": Operation(obj(step_secs=NUMBER, series=dictionary(_POINTS))),
    "GET /api/curves": Operation(
        obj(
            range=_RANGE,
            step_secs=INTEGER,
            start=INTEGER,
            series=obj(**dict.fromkeys(UNITS, _POINTS)),
            units=obj(**dict.fromkeys(UNITS, TEXT)),
        ),
        query={"range": _RANGE},
        errors=(400,),
    ),
    "GET /api/curves.csv": Operation(media_type="text/csv", query={"range": _RANGE}, errors=(400,)),
    "GET /api/event-log": Operation(
        obj(events=array(_EVENT, MAX_EVENTS), kinds=array({"enum": list(EVENT_KINDS)})),
        query={
            "kind": {"enum": ["", *EVENT_KINDS]},
            "limit": {"type": "integer", "minimum": 1, "maximum": MAX_EVENTS},
        },
        errors=(400,),
    ),
}
