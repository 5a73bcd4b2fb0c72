"""The table of docs/reference/http-api.md: every route, as the endpoints of the page declare it."""

import ast
import re
from pathlib import Path

from bridge.web import endpoints
from tests.docs.tables import cell

ROUTE = re.compile(
    r'Route\("(?P<path>[^"]+)", (?:guard\.(?P<guard>look|act|edit)\()?self\.(?P<handler>\w+)\)?(?P<more>[^\n]*)\)'
)
ACCESS = {"look": "view", "act": "view, and the header", "edit": "edit, and the header", None: "everybody"}
ORDER = ("site", "monitoring", "state", "live", "mappings")
"""Modules whose routes come first; the others follow by name."""


def http_table() -> str:
    rows = ["| request | access | |", "| --- | --- | --- |"]
    for source in sources():
        docs = handlers(source)
        for route in ROUTE.finditer(source):
            methods = re.findall(r'"([A-Z]+)"', route["more"]) or ["GET"]
            text = docs[route["handler"]]
            rows.extend(
                f"| `{method} {route['path']}` | {ACCESS[route['guard']]} | {cell(text)} |" for method in methods
            )
    return "\n".join(rows)


def handlers(source: str) -> dict[str, str]:
    """Return the purpose of each handler: its docstring after `Serve METHOD PATH`."""
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.AsyncFunctionDef) and (text := ast.get_docstring(node) or "").startswith("Serve "):
            purpose = re.sub(r"^Serve [A-Z]+ \S+( \{.*?\})?[:;,]? ?", "", " ".join(text.split()))
            found[node.name] = purpose[:1].upper() + purpose[1:]
    return found


def sources() -> list[str]:
    folder = Path(endpoints.__file__).parent
    names = sorted(each.stem for each in folder.glob("*.py") if each.stem != "__init__")
    ordered = [*ORDER, *(name for name in names if name not in ORDER)]
    return [(folder / f"{name}.py").read_text(encoding="utf-8") for name in ordered]
