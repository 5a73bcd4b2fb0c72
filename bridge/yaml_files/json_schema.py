"""JSON Schemas for editors. With such a schema, VS Code's YAML extension completes and checks a file during editing.

The schemas follow Draft 7, which the YAML support of all editors accepts: https://json-schema.org/draft-07. A schema
accepts every file that the program accepts. It cannot find all faults, for example an expression that does not compile
or a test that fails. The command `check` finds these.

`patternErrorMessage` is a keyword of the YAML extension, which other tools ignore:
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
# Keywords whose value is a schema, a list of schemas, or a table of schemas.
_NODES = ("items", "additionalProperties", "not", "if", "then", "else")
_LISTS = ("anyOf", "oneOf", "allOf")
_TABLES = ("properties", "$defs", "patternProperties")
_NULL = {"type": "null"}


def editor_schema(model: type[BaseModel], *, title: str, references: bool) -> dict[str, Any]:
    """Return the schema for files that are validated as `model`. With `references`, `${NAME}` may replace a value."""
    schema = model.model_json_schema()
    for node in list(_nodes(schema)):
        _require_tag(schema, node, references=references)
        _remove_noise(node)
        _merge_null(node)
        if references:
            _accept_references(node)
    return {"$schema": DRAFT, "title": title, **schema}


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield all schemas nested in a schema, and then the schema itself."""
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

    The model has a default for this property, but a file must contain it. With `references`, its value may also be a
    reference such as `${NAME}`, which can stand for any alternative.
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


def _remove_noise(node: dict[str, Any]) -> None:
    """Remove keywords that would make an editor show or insert something useless.

    Titles only repeat the names of the options. Defaults that are null, a list or a table are no useful proposals.
    """
    node.pop("title", None)
    # Some editors mark values with these properties as secrets or as broken links, which would only distract.
    node.pop("writeOnly", None)
    if node.get("format") in {"path", "password"}:
        del node["format"]
    if node.get("default") is None or isinstance(node["default"], dict | list):
        node.pop("default", None)


def _merge_null(node: dict[str, Any]) -> None:
    """Replace `anyOf: [text, null]` by one schema with two types. Editors explain the types of one schema better."""
    alternatives = node.get("anyOf", ())
    others = [each for each in alternatives if each != _NULL]
    if len(others) != 1 or len(alternatives) == 1 or not isinstance(others[0].get("type"), str) or "enum" in others[0]:
        return
    del node["anyOf"]
    node.update({**others[0], **node, "type": [others[0]["type"], "null"]})


def _accept_references(node: dict[str, Any]) -> None:
    """Change a schema so that it also accepts `${NAME}` instead of a value.

    In JSON Schema, `pattern` applies only to text, and `minimum` and `maximum` apply only to numbers. So one schema can
    have the limits of a number and the pattern of a reference.
    """
    kinds = node.get("type", ())
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    if "enum" in node:
        choice = {name: node.pop(name) for name in ("type", "enum") if name in node}
        node["anyOf"] = [choice, {"type": "string", "pattern": REFERENCE}]
    # A fixed value selects the alternative of a union, so the editor must know the value. A reference would hide it.
    elif "const" in node:
        return
    elif "string" in kinds and not {"minLength", "maxLength"}.isdisjoint(node):
        # The limit of the length applies to the value, and not to the reference in the file.
        names = ("type", "pattern", "minLength", "maxLength")
        text = {name: node.pop(name) for name in names if name in node}
        node["anyOf"] = [text, {"type": "string", "pattern": REFERENCE}]
    elif "string" in kinds:
        if "pattern" in node:
            node["pattern"] = f"(?:{node['pattern']})|{REFERENCE}"
    elif {"integer", "number", "boolean"} & set(kinds):
        node["type"] = [*kinds, "string"]
        node["pattern"] = REFERENCE
