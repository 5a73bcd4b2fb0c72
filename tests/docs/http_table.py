"""The table of operations in docs/reference/http-api.md, generated from the OpenAPI description of the API."""

from bridge.web.openapi.document import OPERATIONS, access, keyed, summary
from tests.docs.tables import cell
from tests.web.described import operation, routes

ACCESS = {"look": "view", "act": "view, and the header", "edit": "edit, and the header", "everybody": "everybody"}
COMMON = {"401", "403", "421", "429", "500"}
"""Statuses that every operation can return. The table omits them, because the page lists them separately."""


def http_table() -> str:
    rows = ["| request | query or body | access | statuses | |", "| --- | --- | --- | --- | --- |"]
    known = {key: route for key, route in keyed(routes()) if key in OPERATIONS}
    for key, route in known.items():
        described = operation(key)
        statuses = ", ".join(status for status in described["responses"] if status not in COMMON)
        rows.append(
            f"| `{key}` | {cell(inputs(described))} | {ACCESS[access(route)]} | {statuses} | {cell(summary(route))} |"
        )
    return "\n".join(rows)


def inputs(described: dict) -> str:
    """Return the names of the query parameters, or of the properties of the body."""
    names = [each["name"] for each in described["parameters"] if each["in"] == "query"]
    for content in described.get("requestBody", {}).get("content", {}).values():
        names += content["schema"].get("properties", {})
    return ", ".join(f"`{name}`" for name in names)
