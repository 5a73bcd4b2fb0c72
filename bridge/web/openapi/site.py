"""Operations of `bridge/web/endpoints/site.py` and `bridge/web/endpoints/description.py`."""

from __future__ import annotations

from typing import Final

from bridge.web.openapi.json_schemas import ANY, BOOLEAN, TEXT, obj
from bridge.web.openapi.operation import Operation

_FORM = {"type": "object", "properties": {"token": TEXT, "name": TEXT}, "required": ["token"]}
OPERATIONS: Final = {
    "GET /": Operation(media_type="text/html", errors=(421, 429)),
    # The response to a wrong token is the login form again.
    "POST /login": Operation(status=303, form=_FORM, errors=(413, 421, 429), others={200: "text/html"}),
    "POST /logout": Operation(status=303),
    "GET /static/{name:path}": Operation(media_type="text/*", errors=(404,)),
    "GET /api/session": Operation(obj(role={"enum": ["view", "edit"]}, name=TEXT, login=BOOLEAN)),
    "GET /api/openapi.json": Operation({"type": "object", "additionalProperties": ANY}),
}
