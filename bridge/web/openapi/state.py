"""Operations of `bridge/web/endpoints/state.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bridge.ingest.topic_coverage import MappingActivity, UnmatchedTopic
from bridge.monitoring.snapshot import TIMED, Snapshot
from bridge.web.openapi.json_schemas import BOOLEAN, INTEGER, NUMBER, TEXT, array, fields_of, nullable, obj, object_of
from bridge.web.openapi.operation import Operation

_HIDDEN = {"dead_letters", "coverage", "request_latency", *TIMED}
_SNAPSHOT = {
    name: schema
    for name, schema in fields_of(Snapshot, {"Mapping": Mapping, "GuaranteeCode": str}).items()
    if name not in _HIDDEN
}
_MAPPING = obj(
    name=TEXT, topic=TEXT, streams=array(TEXT), tests=INTEGER, messages=INTEGER, last_ms=INTEGER, silent_ms=INTEGER
)
STATE: Final = obj(
    **_SNAPSHOT,
    state={"enum": ["ok", "degraded", "failing"]},
    verdict=TEXT,
    balanced=BOOLEAN,
    active_mappings=INTEGER,
    backlog_bytes=INTEGER,
    version=TEXT,
    now_ms=INTEGER,
    up_secs=NUMBER,
    mappings=array(_MAPPING),
    unmatched_topics=INTEGER,
    outage_hours=nullable(NUMBER),
)
COVERAGE: Final = obj(
    since_ms=INTEGER,
    at_ms=INTEGER,
    mappings=array(object_of(MappingActivity)),
    unmatched_topics=array(object_of(UnmatchedTopic)),
    other_unmatched_messages=INTEGER,
)
OPERATIONS: Final = {
    "GET /api/status": Operation(STATE),
    "GET /api/coverage": Operation(COVERAGE),
}
