"""Operations of `bridge/web/endpoints/system.py`."""

from __future__ import annotations

from typing import Final

from bridge.delivery.shard_status import StreamShards
from bridge.monitoring.configuration import EffectiveOption
from bridge.web.openapi.json_schemas import BOOLEAN, INTEGER, TEXT, array, nullable, obj, object_of
from bridge.web.openapi.operation import Operation

_FINDING = obj(
    check=TEXT,
    subject=TEXT,
    status={"enum": ["ok", "info", "warning", "error"]},
    message=TEXT,
    advice=TEXT,
    details=array(TEXT),
)
_DOCTOR = obj(
    running=BOOLEAN,
    started_ms=nullable(INTEGER),
    ended_ms=nullable(INTEGER),
    findings=array(_FINDING),
    problem=TEXT,
)
OPERATIONS: Final = {
    "GET /api/configuration": Operation(obj(file=TEXT, options=array(object_of(EffectiveOption)))),
    "GET /api/shards": Operation(obj(streams=array(object_of(StreamShards)))),
    "GET /api/doctor": Operation(_DOCTOR),
    "POST /api/doctor": Operation(_DOCTOR, errors=(409,)),
}
