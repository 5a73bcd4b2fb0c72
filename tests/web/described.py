"""Comparison of the page's responses with the description of its API."""

from functools import cache
from pathlib import Path
from types import SimpleNamespace

from jsonschema import Draft202012Validator
from starlette.routing import Match

from bridge.web.app import web_app
from bridge.web.openapi.document import document, keyed
from bridge.web.playground import Playground
from bridge.web.settings import HttpSettings


@cache
def routes():
    """Routes of a page that is not served."""
    bridge = SimpleNamespace(mappings=SimpleNamespace(folder=Path("mappings")), data_folder=Path("data"))
    return web_app(bridge, HttpSettings(), Playground("mappings"), lambda: True)._app.routes


@cache
def api():
    return document(routes())


def key_of(method, path):
    """Return `METHOD /path` of the operation for a request, None where there is none."""
    scope = {"type": "http", "method": method, "path": path, "headers": []}
    for key, route in keyed(routes()):
        if route.matches(scope)[0] is Match.FULL and key.startswith(method):
            return key
    return None


def operation(key):
    method, path = key.split(" ")
    return api()["paths"][path.replace(":path", "")][method.lower()]


def check_response(response):
    """Raise AssertionError for a response that the description of its operation does not contain."""
    request = response.request
    key = key_of(request.method, request.url.path)
    if key is None:
        return
    described = operation(key)["responses"]
    assert str(response.status_code) in described, f"{key}: add status {response.status_code} to its `errors`"
    for media_type, content in described[str(response.status_code)].get("content", {}).items():
        assert response.headers["content-type"].startswith(media_type.replace("*", "")), key
        if "schema" in content:
            response.read()
            schema = content["schema"] | {"components": api()["components"]}
            errors = [
                f"{each.json_path}: {each.message}"
                for each in Draft202012Validator(schema).iter_errors(response.json())
            ]
            assert not errors, f"{key}: the response does not match its schema: {errors[:5]}"
