"""Requests of the page's API: their bodies, their queries, and the responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
from starlette.responses import Response

from bridge.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Mapping as Query

    from starlette.requests import Request

# Maximum size of a body. It is enough for a mapping of 200,000 characters and a payload of 1,000,000 characters.
MAX_BODY_BYTES: Final = 4 * 1024 * 1024
MAX_INTEGER: Final = 10**18 - 1
"""Largest accepted integer. It has one digit fewer than SQLite's largest integer, so SQLite can store it."""


class RequestError(Exception):
    """Error that becomes the response to a request.

    `status` is the HTTP status of the response. `more` has members of the response's body in addition to `error`.
    """

    def __init__(self, status: int, why: str, **more: Any) -> None:
        self.status = status
        self.more = more
        super().__init__(why)


async def body(request: Request) -> dict[str, Any]:
    """Return the JSON object of a request, at most MAX_BODY_BYTES long. Raise RequestError."""
    # A page of another site cannot send this content type without a preflight request, which this server rejects.
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise RequestError(415, "expected application/json")
    try:
        query = orjson.loads(await read_body(request, MAX_BODY_BYTES))
    except orjson.JSONDecodeError:
        raise RequestError(400, "expected JSON") from None
    if not isinstance(query, dict):
        raise RequestError(400, "expected a JSON object")
    return query


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Return the body of a request. Raise RequestError as soon as the body exceeds `max_bytes`."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > max_bytes:
            raise RequestError(413, f"more than {max_bytes:,} bytes")
    return bytes(data)


def json(value: Any, status: int = 200) -> Response:
    """Return a JSON response."""
    return Response(orjson.dumps(value), status, media_type="application/json")


def refusal(_request: Request, error: Exception) -> Response:
    """Return the response for an exception. A RequestError has a status, a BridgeError has 409, others have 500."""
    status = error.status if isinstance(error, RequestError) else 409 if isinstance(error, BridgeError) else 500
    more = error.more if isinstance(error, RequestError) else {}
    return json({"error": str(error), **more}, status)


def worker_in_query(query: Query[str, str]) -> int | None:
    """Return the number of the worker that a query names, or None if it names none. Raise RequestError."""
    return integer_from_text(query, "worker", 0) if query.get("worker") else None


def integer_from_text(query: Query[str, str], name: str, default: int) -> int:
    """Return an integer of at most 18 digits from a query or a path. Raise RequestError for any other text."""
    text = query.get(name) or str(default)
    # The length is checked before `int`, which takes quadratic time for a long text.
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_INTEGER))):
        raise RequestError(400, f"{name}: expected an integer")
    return int(text)


def integer_from_json(value: Any) -> int | None:
    """Return a JSON value from 0 to MAX_INTEGER, such as 3 or 3.0, as an integer. Return None for any other value."""
    # `type` and not `isinstance`: True is an instance of int.
    whole = type(value) is int or (type(value) is float and value.is_integer())
    return int(value) if whole and 0 <= value <= MAX_INTEGER else None


def integer_in_body(asked: dict[str, Any], name: str, default: int) -> int:
    """Return an integer from a JSON body. Raise RequestError for any other value."""
    found = integer_from_json(asked.get(name, default))
    if found is None:
        raise RequestError(400, f"{name}: expected an integer from 0 to {MAX_INTEGER}")
    return found


def worker_in_body(asked: dict[str, Any]) -> int | None:
    """Return the number of the worker that a JSON body names, or None if it names none. Raise RequestError."""
    return None if asked.get("worker") is None else integer_in_body(asked, "worker", 0)
