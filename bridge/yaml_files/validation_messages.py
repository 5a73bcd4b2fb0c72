"""Conversion of one pydantic error to a problem, with the expected value, the value found, and advice."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, get_args

from pydantic_core import core_schema

from bridge.yaml_files.locations import tags
from bridge.yaml_files.nodes import MapNode, Scalar, find, scalars
from bridge.yaml_files.type_descriptions import KEYS_AND_VALUES, choices, expected, one_of, written

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

    from bridge.errors import Problem
    from bridge.yaml_files.document import Document
    from bridge.yaml_files.locations import Location
    from bridge.yaml_files.nodes import ListNode, Node, Path
    from bridge.yaml_files.type_descriptions import FieldType

# Maximum number of characters of a value in a message, and maximum number of known keys in a message.
_SHOWN_CHARS = 60
_SHOWN_KEYS = 12
# Words that YAML 1.1 parsers read as booleans.
_OLD_BOOLEANS = {"yes": "true", "on": "true", "no": "false", "off": "false"}
_FROM_VALIDATORS = ("value_error", "assertion_error")


def problem(document: Document, details: ErrorDetails, location: Location) -> Problem:
    """Return the problem for an error of pydantic, with its position in the file."""
    path, kind = location.path, details["type"]
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        path = (*path, str(details.get("ctx", {})["discriminator"]).strip("'"))
        return document.problem(path, _tag(document, path, location.hint))
    if kind == "extra_forbidden":
        return document.problem(path, _unknown_key(str(path[-1]), location.owner))
    wanted = expected(location.hint)
    if kind == "missing":
        return document.problem(path, "missing" + (f"; expected {wanted}" if wanted else "; it is required"))
    if kind in _FROM_VALIDATORS or not wanted or kind not in get_args(core_schema.ErrorType):
        return document.problem(path, _validator_text(document, path, details))
    return document.problem(path, f"expected {wanted}" + _found(document, path, location.hint))


def _tag(document: Document, path: Path, union: FieldType) -> str:
    known = [tag for member in union.members if member.model for tag in tags(member.model)]
    wanted = one_of([written(tag) for tag in known])
    entry, exact = find(document.root, path)
    if not exact:
        return f"missing; expected {wanted}"
    return f"expected {wanted}{_value(entry.node)}{_nearest(entry.node, known)}"


def _unknown_key(key: str, owner: type[BaseModel] | None) -> str:
    known = [field.alias or name for name, field in owner.model_fields.items()] if owner else []
    # Users often write keys as in other tools: `clientId` or `client-id` instead of `client_id`.
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).replace("-", "_").lower()
    near = difflib.get_close_matches(snake, known, n=1)
    if near:
        return f"unknown key; did you mean {near[0]!r}?"
    return f"unknown key; expected {one_of(known)}" if 0 < len(known) <= _SHOWN_KEYS else "unknown key"


def _validator_text(document: Document, path: Path, details: ErrorDetails) -> str:
    """Return the text of a validator's error.

    If this text would reveal the value of a reference, return a text that names only the reference.
    """
    error = details.get("ctx", {}).get("error")
    text = str(error) if error is not None else details["msg"][:1].lower() + details["msg"][1:]
    entry, exact = find(document.root, path)
    outside = [scalar for scalar in scalars(entry.node) if scalar.sources] if exact else []
    if any(_shows(text, scalar.text) for scalar in outside):
        sources = one_of(list(dict.fromkeys(source for scalar in outside for source in scalar.sources)))
        return f"the value of {sources} is not valid here (details are omitted, because they would reveal it)"
    return text


def _shows(text: str, value: str) -> bool:
    # A validator may have quoted the value with repr, which escapes some characters.
    return value != "" and (value in text or repr(value)[1:-1] in text)


def _found(document: Document, path: Path, hint: FieldType) -> str:
    """Return the value at `path` and advice, such as `, found 5; put it in quotes`. Return "" if there is no value."""
    entry, exact = find(document.root, path)
    node = entry.node
    if not exact:
        return ""
    if not isinstance(node, Scalar):
        return _several(node, expected(hint))
    if (hint.secret or expected(hint) == KEYS_AND_VALUES) and not node.sources:
        return f", found {_kind(node)}"
    return _value(node) + _nearest(node, choices(hint)) + _advice(node, expected(hint))


def _several(node: ListNode | MapNode, wanted: str) -> str:
    """Return `, found a list` or `, found keys and values`. Add advice if the user may have meant a list or a text."""
    kind = "keys and values" if isinstance(node, MapNode) else "a list" if node.items else "an empty list"
    what = f", found {kind}"
    if isinstance(node, MapNode) and wanted.startswith("a list") and any(key.startswith("-") for key in node.items):
        return what + "; an item of a list begins with '- ', with a space after the dash"
    if "text" in wanted and node.flow:
        return what + "; a text that begins with '{' or '[' must be in quotes, or after '|' on lines of its own"
    return what


def _value(node: Node) -> str:
    """Return `, found VALUE` with a long value shortened. If the value has references, return their names instead."""
    if not isinstance(node, Scalar):
        return ", found several values"
    if node.sources:
        return f", but {one_of(list(node.sources))} {'has another value' if node.text else 'is empty'}"
    shown = written(node.data)
    return ", found " + (
        shown if len(shown) <= _SHOWN_CHARS else f"{shown[:_SHOWN_CHARS]}… ({len(node.text)} characters)"
    )


def _kind(node: Scalar) -> str:
    if node.data is None:
        return "no value; set one, or remove the key"
    if node.data == "":
        return "empty text"
    return {str: "text", bool: "a boolean"}.get(type(node.data), "a number")


def _nearest(node: Node, known: Iterable[str]) -> str:
    if not isinstance(node, Scalar) or node.sources:
        return ""
    near = difflib.get_close_matches(node.text.lower(), list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _advice(node: Scalar, wanted: str) -> str:
    """Return advice for a value that needs quotes or is an old form of a boolean, or "" for any other value."""
    if node.sources:
        return ""
    if node.commented:
        return "; '#' begins a comment: put the value in quotes"
    if "text" in wanted and isinstance(node.data, int | float):
        return "; put it in quotes"
    if wanted == "true or false" and node.text.lower() in _OLD_BOOLEANS:
        return f"; write {_OLD_BOOLEANS[node.text.lower()]}"
    return ""
