"""The table of docs/reference/http-api.md: every route, as the page's application declares it."""

import ast
import re
from pathlib import Path

from bridge.web import api, app
from tests.docs.tables import cell

ROUTE = re.compile(r'Route\("(?P<path>[^"]+)", (?P<guard>look\(|act\()?(?P<handler>[\w.]+)\)?(?P<more>[^\n]*)\)')
ACCESS = {"look(": "read", "act(": "read, and the header", None: "everybody"}


def http_table() -> str:
    docs = handlers()
    rows = ["| request | access | |", "| --- | --- | --- |"]
    for route in ROUTE.finditer(source(app)):
        method = "POST" if "POST" in route["more"] else "GET"
        text = docs[route["handler"].rpartition(".")[2]]
        rows.append(f"| `{method} {route['path']}` | {ACCESS[route['guard']]} | {cell(text)} |")
    return "\n".join(rows)


def handlers() -> dict[str, str]:
    """Return the purpose of each handler: its docstring after `Serve METHOD PATH`."""
    found = {}
    for module in (api, app):
        for node in ast.walk(ast.parse(source(module))):
            if isinstance(node, ast.AsyncFunctionDef) and (text := ast.get_docstring(node) or "").startswith("Serve "):
                said = re.sub(r"^Serve (GET|POST) \S+( \{.*?\})?[:;,]? ?", "", " ".join(text.split()))
                found[node.name] = said[:1].upper() + said[1:]
    return found


def source(module) -> str:
    return Path(module.__file__).read_text(encoding="utf-8")
