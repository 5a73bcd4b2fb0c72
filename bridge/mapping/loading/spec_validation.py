"""Validation of a mapping file: the models check its options, then this module checks expressions, names and tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.errors import ConfigError, Problem
from bridge.mapping.expressions.expression import (
    Expression,
    ExpressionError,
    compile_early_condition,
    compile_expression,
)
from bridge.mapping.file_models.mapping_spec import MappingSpec
from bridge.mapping.loading.name_checks import name_errors
from bridge.mapping.loading.resources import NO_RESOURCES, Resources
from bridge.mapping.pipeline.compiled_parts import EARLY_WHERE, LATE_NAMES
from bridge.mapping.pipeline.decoding import PayloadCodec, payload_codec
from bridge.mapping.pipeline.scope import PROPERTY_NAMES, RECORD, SCOPE_NAMES, VARS
from bridge.mapping.selftest.runner import case_faults
from bridge.mapping.stateful.sampler import SAMPLE
from bridge.mapping.topics.pattern import TopicError, TopicPattern, covers, overlap
from bridge.payloads.schema_files import SchemaError
from bridge.yaml_files import path_text, validate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.mapping.expressions.expression import Tables
    from bridge.mapping.pipeline.compiled_parts import Expressions
    from bridge.yaml_files import Document, Path


class ValidSpec(NamedTuple):
    """A mapping file without errors: its options, its compiled expressions, and its payload codec.

    The keys of `expressions` are the paths of the expressions in the file, such as ("changes", "value").
    """

    specification: MappingSpec
    expressions: Expressions
    codec: PayloadCodec


def read_specification(document: Document, resources: Resources = NO_RESOURCES) -> ValidSpec:
    """Validate a document, and compile its expressions. Raise ConfigError with all problems.

    `resources` are the lookup tables and schema files that the mapping may use.
    """
    # Read the expressions from the document and not from the validated options, so that errors in expressions are
    # reported even if the options also have errors.
    expressions, expression_problems = _compiled(document, resources.tables)
    blanks = _blanks(document)
    problems = [*expression_problems, *_each_problems(document), *blanks]
    try:
        specification = validate(MappingSpec, document)
    except ConfigError as error:
        # Pydantic also reports each key without a value. Do not report such a key twice.
        reported = {each.path for each in blanks}
        raise ConfigError([*problems, *(each for each in error.problems if each.path not in reported)]) from None
    problems += [document.problem(("except",), message) for message in _exception_problems(specification.pattern)]
    try:
        codec = payload_codec(specification, resources.schemas)
    except SchemaError as error:
        raise ConfigError([*problems, document.problem((specification.payload, "schema"), str(error))]) from None
    # Check the tests last, because this check needs valid options and a codec.
    problems += [document.problem(path, message) for path, message in case_faults(specification, codec)]
    if problems:
        raise ConfigError(problems)
    return ValidSpec(specification, expressions, codec)


def _compiled(document: Document, tables: Tables) -> tuple[dict[Path, Expression], list[Problem]]:
    """Compile all expressions. Return the valid expressions by path, and the problems of the invalid expressions."""
    known = {"captures": _captured(document.data), "properties": PROPERTY_NAMES}
    defined = _defined(document.data)
    expressions: dict[Path, Expression] = {}
    problems = []
    for path, text in expressions_of(document.data):
        try:
            expression = compile_expression(text, tables)
        except ExpressionError as error:
            problems.append(problem_at(document, path, error))
            continue
        # An expression in `vars` can use only the variables that are defined before it.
        before = defined[: defined.index(path[1])] if path[0] == VARS else defined
        members = {**known, VARS: before} if defined else known
        errors = name_errors(expression, _scope_names(document.data, path), members)
        problems += [problem_at(document, path, error) for error in errors]
        expressions[path] = expression
        # The part of `where` that does not read the payload is evaluated before the payload is decoded.
        if path == ("where",) and (early := compile_early_condition(text, LATE_NAMES, tables)) is not None:
            expressions[EARLY_WHERE] = early
    return expressions, problems


def _scope_names(data: Any, path: Path) -> tuple[str, ...]:
    """Return the names that the expression at this path can use. `pipeline/scope.py` describes them."""
    names = (*SCOPE_NAMES, VARS) if _defined(data) else SCOPE_NAMES
    if path[0] == "outputs":
        return (*names, RECORD, *_sampled(data))
    return (*names, *_sampled(data)) if path[0] == "transform" else names


def _defined(data: Any) -> tuple[str, ...]:
    """Return the names that `vars` defines, in the order of the file."""
    definitions = data.get(VARS) if isinstance(data, dict) else None
    return tuple(definitions) if isinstance(definitions, dict) else ()


def _sampled(data: Any) -> tuple[str, ...]:
    """Return the name `sample` if the mapping has `keep: mean`, else no name."""
    options = data.get("sample")
    return (SAMPLE,) if isinstance(options, dict) and options.get("keep") == "mean" else ()


def _captured(data: Any) -> tuple[str, ...] | None:
    """Return the names that the topic captures.

    Return None if the topic is invalid, so that `name_errors` accepts any capture. The models report the invalid topic.
    """
    topic = data.get("topic") if isinstance(data, dict) else None
    try:
        return TopicPattern.parse(topic).captured if isinstance(topic, str) else None
    except TopicError:
        return None


def expressions_of(data: Any) -> Iterator[tuple[Path, str]]:
    """Yield path and text of every expression. Ignore values that are not text, because the models report them."""
    if not isinstance(data, dict):
        return
    outputs = data.get("outputs")
    definitions = data.get(VARS)
    places: list[tuple[Path, Any]] = [
        *(((VARS, name), text) for name, text in (definitions if isinstance(definitions, dict) else {}).items()),
        (("where",), data.get("where")),
        (("transform",), data.get("transform")),
    ]
    for number, output in enumerate(outputs if isinstance(outputs, list) else ()):
        if isinstance(output, dict):
            places.append((("outputs", number, "partition_key_from"), output.get("partition_key_from")))
    for section in ("changes", "sample"):
        options = data.get(section)
        if isinstance(options, dict):
            places += [((section, name), options.get(name)) for name in ("key", "value")]
    yield from ((path, text) for path, text in places if isinstance(text, str) and text)


def _exception_problems(pattern: TopicPattern) -> Iterator[str]:
    """Yield a problem for each filter of `except` that excludes no topic or all topics of the mapping."""
    for exception in pattern.exceptions:
        if not overlap(exception.levels, pattern.levels):
            yield f"'{exception.text}' excludes nothing: no topic matches both it and '{pattern.text}'"
        elif covers(exception.levels, pattern.levels):
            yield f"'{exception.text}' excludes every topic of this mapping"


def _each_problems(document: Document) -> list[Problem]:
    """Return a problem for `each: true` without a `transform`."""
    data = document.data
    if isinstance(data, dict) and data.get("each") is True and data.get("transform") is None:
        message = "needs a `transform` that returns the list; if the payload is a list, write `transform: payload`"
        return [document.problem(("each",), message)]
    return []


def _blanks(document: Document) -> list[Problem]:
    """Return a problem for each key without a value, such as `where:`. An explicit `null` is accepted.

    A file that is still being written may have such keys. If the bridge ignored a `where` without a value, every
    message would pass.
    """
    data = document.data
    if not isinstance(data, dict):
        return []
    message = "this key has no value; add one, or remove the key"
    return [document.problem(path, message) for path in _paths(data) if document.blank(path)]


def _paths(data: dict[str, Any]) -> Iterator[Path]:
    """Yield the paths of all optional keys, except in `tests`, where the payload may contain keys without a value."""
    for key, value in data.items():
        if key not in {"topic", "outputs"}:  # these keys are required, so the models report them
            yield (key,)
        items = enumerate(value) if isinstance(value, list) else ((None, value),)
        for number, item in items if key != "tests" else ():
            if isinstance(item, dict):
                yield from ((key, name) if number is None else (key, number, name) for name in item)


def problem_at(document: Document, path: Path, error: ExpressionError, code: str = "") -> Problem:
    """Return the problem for an error in the expression at this path, with its line and column in the file.

    The column is exact if the expression is on one line, or in a `|` block, whose lines have the same indentation.
    """
    line, column = document.value_place(path)
    before = error.text[: error.offset]
    place = (line + before.count("\n"), column + len(before) - before.rfind("\n") - 1)
    return Problem(document.file, *place, path_text(path), f"{error.message}\n{error.caret()}", code)
