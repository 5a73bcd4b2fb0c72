"""The OpenAPI document: the routes of the page, each with its description."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from bridge import __version__
from bridge.web.openapi import dead_letters, live, mapping_files, mappings, monitoring, recording, site, state, system
from bridge.web.openapi.operation import COMPONENTS, Operation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from starlette.routing import BaseRoute

OPERATIONS: dict[str, Operation] = {
    **site.OPERATIONS,
    **monitoring.OPERATIONS,
    **state.OPERATIONS,
    **recording.OPERATIONS,
    **live.OPERATIONS,
    **mappings.OPERATIONS,
    **mapping_files.OPERATIONS,
    **dead_letters.OPERATIONS,
    **system.OPERATIONS,
}
"""Description of each operation, by `METHOD /path` as its route declares it."""
_PATH_NAME = re.compile(r"{(\w+)(?::\w+)?}")
# First words of the docstring of each handler: `Serve METHOD PATH {BODY}:`.
_PREFIX = re.compile(r"^Serve [A-Z]+ \S+( \{.*?\})?[:;,]? ?")


def document(routes: Iterable[BaseRoute]) -> dict[str, Any]:
    """Return the OpenAPI document of the described routes."""
    paths: dict[str, dict[str, Any]] = {}
    for key, route in keyed(routes):
        if (operation := OPERATIONS.get(key)) is None:
            continue
        method, path = key.split(" ", 1)
        value = operation.to_json(_id(key), summary(route), access(route), _PATH_NAME.findall(path))
        # Starlette's `{name:path}` is `{name}` in OpenAPI.
        paths.setdefault(_PATH_NAME.sub(r"{\1}", path), {})[method.lower()] = value
    info = {"title": "mqtt-kinesis", "version": __version__, "description": "API of the page of one bridge."}
    return {
        "openapi": "3.1.0",
        "info": info,
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": COMPONENTS,
    }


def _id(key: str) -> str:
    """Return a name for generated code, such as `get_dead_letters_number`."""
    return "_".join(re.findall(r"[a-z]+", _PATH_NAME.sub(r"\1", key).lower().replace("/api/", "/")))


def keyed(routes: Iterable[BaseRoute]) -> Iterator[tuple[str, Route]]:
    """Yield `METHOD /path` and the route of each operation. HEAD is omitted, because each GET implies it."""
    for route in routes:
        if isinstance(route, Route):
            yield from ((f"{method} {route.path}", route) for method in sorted((route.methods or set()) - {"HEAD"}))


def access(route: Route) -> str:
    """Return the name of the guard's method that protects a route, or "everybody" if the route is not protected."""
    return str(getattr(route.endpoint, "access", "everybody"))


def summary(route: Route) -> str:
    """Return the purpose of a route: the docstring of its handler after `Serve METHOD PATH`."""
    text = _PREFIX.sub("", " ".join((route.endpoint.__doc__ or "").split()))
    return text[:1].upper() + text[1:]
