"""The OpenAPI document: its paths, and the names and summaries of its operations."""

from starlette.responses import Response
from starlette.routing import Mount, Route

from bridge.web.openapi import document as module
from bridge.web.openapi.document import access, document, keyed, summary
from bridge.web.openapi.operation import Operation


async def read(_request):
    """Serve GET /api/dead-letters/NUMBER?worker=: one dead letter
    with its payload.
    """
    return Response()


async def change(_request):
    """Serve POST /api/x {"numbers": [...]}: change it."""
    return Response()


async def bare(_request):
    return Response()


def test_summary_is_the_docstring_after_the_request():
    assert summary(Route("/", read)) == "One dead letter with its payload."
    assert summary(Route("/", change)) == "Change it."
    assert summary(Route("/", bare)) == ""


def test_keyed_omits_head_and_what_is_no_route():
    routes = [Route("/a", read), Route("/b", change, methods=["POST", "PUT"]), Mount("/c", routes=[])]
    assert [key for key, _ in keyed(routes)] == ["GET /a", "POST /b", "PUT /b"]


def test_access_of_a_route_without_a_guard_is_for_everybody():
    assert access(Route("/", bare)) == "everybody"


def test_document_has_one_path_for_all_methods_and_omits_unknown_routes(monkeypatch):
    key = "/static/{name:path}"
    monkeypatch.setattr(module, "OPERATIONS", {f"{method} {key}": Operation() for method in ("GET", "POST")})
    paths = document([Route(key, read, methods=["GET", "POST"]), Route("/other", bare)])["paths"]
    assert {path: list(methods) for path, methods in paths.items()} == {"/static/{name}": ["get", "post"]}
    names = [each["operationId"] for each in paths["/static/{name}"].values()]
    assert names == ["get_static_name", "post_static_name"]


def test_operation_ids_of_the_page_are_unique():
    names = [module._id(key) for key in module.OPERATIONS]
    assert len(set(names)) == len(names)
