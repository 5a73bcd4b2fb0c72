"""Operations of `bridge/web/endpoints/live.py`. The document has no schemas for the events of an event stream."""

from __future__ import annotations

from typing import Final

from bridge.web.events import OUTCOMES
from bridge.web.openapi.json_schemas import INTEGER, NUMBER, TEXT, array, obj
from bridge.web.openapi.operation import Operation

_STREAM: Final = "text/event-stream"
_BUSY = obj(topic=TEXT, share=NUMBER, last_ms=INTEGER, mappings=array(TEXT))
OPERATIONS: Final = {
    "GET /api/busy-topics": Operation(obj(since_ms=INTEGER, topics=array(_BUSY))),
    "GET /api/events": Operation(media_type=_STREAM, errors=(503,)),
    "GET /api/messages": Operation(
        media_type=_STREAM,
        query={"topic": TEXT, "mapping": TEXT, "text": TEXT, "outcome": {"enum": ["", *OUTCOMES]}},
        errors=(400, 503),
    ),
}
