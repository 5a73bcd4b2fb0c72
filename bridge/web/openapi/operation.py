"""Description of one operation of the API: a method of a path."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bridge.web.openapi.json_schemas import ERROR, TEXT, Schema

if TYPE_CHECKING:
    from collections.abc import Mapping

STATUS_TEXTS: Final = {
    200: "The result.",
    303: "Continue at the page.",
    400: "The request is malformed.",
    401: "The token is missing or wrong.",
    403: "The request is not from the page, or the role `edit` is missing.",
    404: "The requested mapping, version, dead letter or file does not exist.",
    409: "The bridge could not process the request; `error` has the reason.",
    413: "The body is too large.",
    415: "The body is not `application/json`.",
    421: "The `Host` is not a loopback name.",
    422: "The content is not valid.",
    429: "Too many wrong tokens from this address.",
    500: "Internal error; the log has details.",
    503: "The bridge is not healthy or not ready, or it has too many listeners.",
}
ERRORS_OF_ACCESS: Final = {
    "everybody": (500,),
    "look": (401, 421, 429, 500),
    "act": (401, 403, 421, 429, 500),
    "edit": (401, 403, 421, 429, 500),
}
"""Statuses of errors that the guard may return, by the guard's method (bridge/web/access/guard.py)."""
ERRORS_OF_BODY: Final = (400, 413, 415)
NATURAL_NUMBER: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
"""Integers that bridge/web/requests.py accepts."""
QUERY_NUMBER: Final[Schema] = {"anyOf": [NATURAL_NUMBER, {"const": ""}]}
"""Integer in a query, where an empty text means the default."""
WORKER: Final = {"worker": QUERY_NUMBER}


@dataclass(frozen=True, slots=True)
class Operation:
    """Parameters, body and responses of an operation.

    response  schema of a successful response, or None if `media_type` is not JSON
    query     schemas of the query parameters, which are all optional
    path      schemas of path parameters; a path parameter without a schema is text
    body      schema of the JSON body
    form      schema of the form, if the body is a form and not JSON
    errors    statuses of responses with the body `{"error": …}`; the guard and the body add more statuses
    others    schemas of all other responses, by status; for a response that is not JSON, its media type
    """

    response: Schema | None = None
    status: int = 200
    media_type: str = "application/json"
    query: Mapping[str, Schema] = field(default_factory=dict)
    path: Mapping[str, Schema] = field(default_factory=dict)
    body: Schema | None = None
    form: Schema | None = None
    errors: tuple[int, ...] = ()
    others: Mapping[int, Schema | str] = field(default_factory=dict)

    def to_json(self, name: str, summary: str, access: str, path_names: list[str]) -> dict[str, Any]:
        """Return the Operation Object of the OpenAPI specification. `access` is the result of `document.access`."""
        parameters = [
            {"name": each, "in": "path", "required": True, "schema": self.path.get(each, TEXT)} for each in path_names
        ] + [{"name": each, "in": "query", "schema": schema} for each, schema in self.query.items()]
        # This header shows the guard that the request comes from the page (see `origin_is_ours`).
        if access in ("act", "edit"):
            parameters.append({"name": "X-Mqtt-Kinesis", "in": "header", "required": True, "schema": HEADER})
        # `x-access` is an extension of OpenAPI. It names the access that the operation requires.
        value: dict[str, Any] = {"operationId": name, "summary": summary, "x-access": access}
        # A request needs one item of the list: a token or a session.
        value["security"] = [] if access == "everybody" else [{"token": []}, {"session": []}]
        value["parameters"] = parameters
        if self.body is not None:
            value["requestBody"] = {"required": True, "content": {"application/json": {"schema": self.body}}}
        if self.form is not None:
            content = {"application/x-www-form-urlencoded": {"schema": self.form}}
            value["requestBody"] = {"required": True, "content": content}
        return value | {"responses": self._responses(access)}

    def _responses(self, access: str) -> dict[str, Any]:
        success = {"schema": self.response} if self.response is not None else {}
        content = {} if self.status == 303 else {"content": {self.media_type: success}}  # noqa: PLR2004 - See Other
        responses = {self.status: {"description": STATUS_TEXTS[self.status], **content}}
        for status, schema in self.others.items():
            responses[status] = _json(status, schema)
        of_body = ERRORS_OF_BODY if self.body is not None else ()
        for status in (*self.errors, *of_body, *ERRORS_OF_ACCESS[access]):
            if status not in responses:
                responses[status] = _json(status, {"$ref": "#/components/schemas/Error"})
        return {str(status): responses[status] for status in sorted(responses)}


HEADER: Final[Schema] = {"type": "string", "description": "Any value. A form of another site cannot send it."}
COMPONENTS: Final[dict[str, Any]] = {
    "schemas": {"Error": ERROR},
    "securitySchemes": {
        "token": {"type": "http", "scheme": "bearer", "description": "`http.token` or `http.view_token`"},
        "session": {"type": "apiKey", "in": "cookie", "name": "mqtt_kinesis_session"},
    },
}


def _json(status: int, schema: Schema | str) -> dict[str, Any]:
    content = {schema: {}} if isinstance(schema, str) else {"application/json": {"schema": schema}}
    return {"description": STATUS_TEXTS[status], "content": content}


NUMBERS: Final[Schema] = {"type": "array", "items": NATURAL_NUMBER, "maxItems": 10_000}
