"""Operations of `bridge/web/endpoints/monitoring.py`."""

from __future__ import annotations

from typing import Final

from bridge.web.openapi.json_schemas import BOOLEAN, TEXT, array, obj
from bridge.web.openapi.operation import Operation

_STATE = {"state": {"enum": ["ok", "degraded", "failing"]}, "reasons": array(TEXT)}
_VERDICT = obj(_STATE, ok=BOOLEAN)
OPERATIONS: Final = {
    "GET /healthz": Operation(_VERDICT, others={503: _VERDICT}),
    "GET /readyz": Operation(_VERDICT, others={503: _VERDICT}, errors=(429,)),
    "GET /metrics": Operation(media_type="text/plain"),
}
