"""Notes on probable mistakes in a mapping file that loads.

Each kind of note has a code. The codes must not change, because the reports of `check` for CI systems contain them.
"""

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
    "no-envelope": "Manifests are configured, but no output has `envelope: true`, so the manifests prove nothing.",
    "order-shared": "Several bridges divide the messages, and an output has `order: strict`.",
    "constant-key": "`partition_key` is a constant text, but looks like an expression or a capture.",
    "quoted-name": "A word in double quotes is the name of a field, but no test of the mapping has such a field. "
    "You probably meant a text in single quotes.",
}
"""Meaning of each code."""
# Matches a partition key that looks like an expression (`payload.id`, `topic`), or like a capture (`{machine}`).
_EXPRESSION: Final = re.compile(rf"\$?({'|'.join((*sorted(SCOPE_NAMES), 'record'))})(\.|$)|\{{\w+\}}$")


def mapping_notes(mapping: Mapping, document: Document, *, shared: bool) -> list[Problem]:
    """Return the notes on a mapping. `shared`: several bridges divide the messages (see `shared_subscription`)."""
    notes = [*quoted_name_notes(mapping, document), *constant_key_notes(mapping, document)]
    if not mapping.specification.tests:
        notes.append(Problem(document.file, 0, 0, "", "the mapping has no tests", "no-tests"))
    if shared and (warning := order_warning(mapping)):
        notes.append(Problem(document.file, 0, 0, "outputs", warning, "order-shared"))
    return notes


def constant_key_notes(mapping: Mapping, document: Document) -> Iterator[Problem]:
    """Yield a note for each `partition_key` that was probably meant as an expression.

    All records then have the same key and go to one shard. No error shows this mistake.
    """
    for number, output in enumerate(mapping.specification.outputs):
        key = output.partition_key or ""
        if _EXPRESSION.match(key):
            message = (
                f"all records have the key '{key}', so all go to one shard; for the value of an "
                "expression, use partition_key_from"
            )
            path = ("outputs", number, "partition_key")
            yield Problem(document.file, *document.value_place(path), path_text(path), message, "constant-key")


def missing_envelope_note(mappings: Iterable[Mapping]) -> str:
    """Return the text of the note `no-envelope`, or "" if an output of the mappings has an envelope.

    Manifests contain only records with an envelope.
    """
    if any(output.envelope for mapping in mappings for output in mapping.specification.outputs):
        return ""
    return "no output has `envelope: true`, so the manifests cover no record, and 'prove' can prove nothing"


def quoted_name_notes(mapping: Mapping, document: Document) -> list[Problem]:
    """Return a note for each name in double quotes that was probably meant as a text."""
    compared = [(path, text, found) for path, text in expressions_of(document.data) for found in compared_names(text)]
    # Most files have no such names. For these files, do not read all test messages, because this would slow down each
    # reload.
    if not compared:
        return []
    tests = mapping.specification.tests
    fields = {name for case in tests for each in (case, *case.before) for name in _fields(_payload(each))}
    return [
        problem_at(document, path, ExpressionError(_text(found.name), found.offset, text), "quoted-name")
        for path, text, found in compared
        # If the payload of a test has the field, the name is correct. If the tests have no payloads, assume that a name
        # is correct if the name needs the quotes, such as "flow-rate".
        if found.name not in fields and found.name not in SCOPE_NAMES and (fields or not found.necessary)
    ]


def _text(name: str) -> str:
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"\"{name}\" in double quotes is the name of a field; if the text is meant, write '{quoted}'"


def _payload(case: Any) -> Any:
    """Return the payload of a test message as a value, or None if the payload is text that is not JSON."""
    if case.payload_text is None:
        return case.payload
    try:
        return json.loads(case.payload_text)
    except ValueError:
        return None


def _fields(value: Any) -> Iterator[str]:
    """Yield the names of all members of a value, at all depths."""
    if isinstance(value, dict):
        yield from value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _fields(each)
