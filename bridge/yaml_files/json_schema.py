"""JSON Schemas for editors: VS Code's YAML extension completes and checks a file with the schema of its model.

The schema is Draft 7, which all YAML support in editors accepts: https://json-schema.org/draft-07. It accepts every
file that the program accepts. Faults that only the program can find (an expression that does not compile, a test that
fails) are found by `check`. `patternErrorMessage` is a keyword of the YAML extension, which other tools ignore:
https://github.com/redhat-developer/yaml-language-server
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

DRAFT = "http://json-schema.org/draft-07/schema#"
REFERENCE = r"\$\{.+\}"
"""Pattern of a value with `${NAME}` or `${file:...}`, which can become any value."""

_DEFINITIONS = "#/$defs/"
_NODES = ("items", "additionalProperties", "not", "if", "then", "else")
_LISTS = ("anyOf", "oneOf", "allOf")
_TABLES = ("properties", "$defs", "patternProperties")
_NULL = {"type": "null"}


def editor_schema(model: type[BaseModel], *, title: str, references: bool) -> dict[str, Any]:
    """Return the schema of a file that is read as `model`. With `references`, values may be written as `${NAME}`."""
    schema = model.model_json_schema()
    for node in list(_nodes(schema)):
        _require_tag(schema, node, references=references)
        _quieten(node)
        _merge_null(node)
        if references:
            _accept_references(node)
    return {"$schema": DRAFT, "title": title, **schema}


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield every schema within a schema, children first."""
    if not isinstance(schema, dict):
        return
    for name in _TABLES:
        for below in schema.get(name, {}).values():
            yield from _nodes(below)
    for name in _LISTS:
        for below in schema.get(name, ()):
            yield from _nodes(below)
    for name in _NODES:
        yield from _nodes(schema.get(name))
    yield schema


def _require_tag(schema: dict[str, Any], node: dict[str, Any], *, references: bool) -> None:
    """Require the property that distinguishes the alternatives of a union.

    The model has a default for it, but a file must name it. A reference such as `${NAME}` may select any alternative.
    """
    discriminator = node.pop("discriminator", None)
    if discriminator is None:
        return
    tag = discriminator["propertyName"]
    for reference in discriminator["mapping"].values():
        alternative = schema["$defs"][reference.removeprefix(_DEFINITIONS)]
        alternative["required"] = list(dict.fromkeys([tag, *alternative.get("required", ())]))
    if references:
        node["oneOf"].append(
            {"type": "object", "properties": {tag: {"type": "string", "pattern": REFERENCE}}, "required": [tag]}
        )


def _quieten(node: dict[str, Any]) -> None:
    """Remove parts that an editor should not show or insert.

    These are titles made from names, and defaults that are null, lists or tables.
    """
    node.pop("title", None)
    # Editors mark write-only and formatted values as secrets or as broken links, which would only distract.
    node.pop("writeOnly", None)
    if node.get("format") in {"path", "password"}:
        del node["format"]
    if node.get("default") is None or isinstance(node["default"], dict | list):
        node.pop("default", None)


def _merge_null(node: dict[str, Any]) -> None:
    """Replace `anyOf: [text, null]` by one schema with two types, because editors explain it better."""
    alternatives = node.get("anyOf", ())
    others = [each for each in alternatives if each != _NULL]
    if len(others) != 1 or len(alternatives) == 1 or not isinstance(others[0].get("type"), str) or "enum" in others[0]:
        return
    del node["anyOf"]
    node.update({**others[0], **node, "type": [others[0]["type"], "null"]})


def _accept_references(node: dict[str, Any]) -> None:
    """Accept `${NAME}` instead of a value, in the same schema.

    `pattern` applies only to text, and limits apply only to numbers, so one schema can have both.
    """
    kinds = node.get("type", ())
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    if "enum" in node:
        choice = {name: node.pop(name) for name in ("type", "enum") if name in node}
        node["anyOf"] = [choice, {"type": "string", "pattern": REFERENCE}]
    # A fixed value determines which other settings are allowed, so the editor must see the value itself.
    elif "const" in node:
        return
    elif "string" in kinds and not {"minLength", "maxLength"}.isdisjoint(node):
        # The length limit applies to the value, not to its reference.
        names = ("type", "pattern", "minLength", "maxLength")
        text = {name: node.pop(name) for name in names if name in node}
        node["anyOf"] = [text, {"type": "string", "pattern": REFERENCE}]
    elif "string" in kinds:
        if "pattern" in node:
            node["pattern"] = f"(?:{node['pattern']})|{REFERENCE}"
    elif {"integer", "number", "boolean"} & set(kinds):
        node["type"] = [*kinds, "string"]
        node["pattern"] = REFERENCE
