"""Notes on probable mistakes in a mapping file that loads. Each kind of note has a code that stays the same."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from bridge.errors import Problem
from bridge.mapping.expressions.expression import ExpressionError
from bridge.mapping.expressions.quoted_names import compared_names
from bridge.mapping.loading.shared_subscription import order_warning
from bridge.mapping.loading.spec_validation import expressions_of, problem_at
from bridge.mapping.pipeline.scope import SCOPE_NAMES
from bridge.yaml_files.nodes import path_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.mapping.mapping import Mapping
    from bridge.yaml_files import Document

NOTE_CODES: Final = {
    "no-tests": "The mapping has no tests.",
    "no-envelope": "There are manifests, but no output has `envelope: true`, so they prove nothing.",
    "order-shared": "Several bridges divide the messages, and an output has `order: strict`.",
    "constant-key": "`partition_key` is a constant text, but looks like an expression or a capture.",
    "quoted-name": "A name in double quotes is that of a field, but a text is probably meant. No test has this field.",
}
"""Codes of notes, and what each means."""
# Beginning of an expression, or a capture as in `topic`.
_EXPRESSION: Final = re.compile(rf"\$?({'|'.join((*sorted(SCOPE_NAMES), 'record'))})(\.|$)|\{{\w+\}}$")


def mapping_notes(mapping: Mapping, document: Document, *, shared: bool) -> list[Problem]:
    """Return the notes on a mapping. `shared`: several bridges divide the messages."""
    notes = [*quoted_names(mapping, document), *constant_keys(mapping, document)]
    if not mapping.specification.tests:
        notes.append(Problem(document.file, 0, 0, "", "the mapping has no tests", "no-tests"))
    if shared and (warning := order_warning(mapping)):
        notes.append(Problem(document.file, 0, 0, "outputs", warning, "order-shared"))
    return notes


def constant_keys(mapping: Mapping, document: Document) -> Iterator[Problem]:
    """Yield a note for each constant partition key that was probably meant as an expression.

    With it, all records are on one shard, and nothing else shows the mistake.
    """
    for number, output in enumerate(mapping.specification.outputs):
        key = output.partition_key or ""
        if _EXPRESSION.match(key):
            message = (
                f"it is the text '{key}' for all records, so all are on one shard; for the value of an "
                "expression, write partition_key_from"
            )
            path = ("outputs", number, "partition_key")
            yield Problem(document.file, *document.value_place(path), path_text(path), message, "constant-key")


def without_envelope(mappings: Iterable[Mapping]) -> str:
    """Return the text of a note on manifests that cover no record; "" if an output has an envelope."""
    if any(output.envelope for mapping in mappings for output in mapping.specification.outputs):
        return ""
    return "no output has `envelope: true`, so the manifests cover no record, and 'prove' can prove nothing"


def quoted_names(mapping: Mapping, document: Document) -> list[Problem]:
    """Return a note for each name in double quotes that was probably meant as a text."""
    compared = [(path, text, found) for path, text in expressions_of(document.data) for found in compared_names(text)]
    if not compared:  # as in most files: each reload comes here
        return []
    tests = mapping.specification.tests
    fields = {name for case in tests for each in (case, *case.before) for name in _fields(_payload(each))}
    return [
        problem_at(document, path, ExpressionError(_text(found.name), found.offset, text), "quoted-name")
        for path, text, found in compared
        # Without an example payload, a name that needs its quotes is assumed to be a name.
        if found.name not in fields and found.name not in SCOPE_NAMES and (fields or not found.necessary)
    ]


def _text(name: str) -> str:
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"\"{name}\" in double quotes is the name of a field; if the text is meant, write '{quoted}'"


def _payload(case: Any) -> Any:
    """Return the payload of a test's message as a value; None if it is not JSON."""
    if case.payload_text is None:
        return case.payload
    try:
        return json.loads(case.payload_text)
    except ValueError:
        return None


def _fields(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _fields(each)
