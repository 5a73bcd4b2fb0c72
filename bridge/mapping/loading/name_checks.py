"""Checks of the names and variables in an expression.

For a name that does not exist, JMESPath returns null and reports no error. A misspelt name would cause wrong records.

An `Expression` does not contain the positions of its names. So the checks search for the names in the text.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final

from bridge.mapping.expressions.error_texts import LITERALS, unknown_name_advice
from bridge.mapping.expressions.expression import Expression, ExpressionError
from bridge.mapping.expressions.syntax.tree import INDEX
from bridge.mapping.pipeline.scope import RECORD, VARS
from bridge.mapping.stateful.sampler import SAMPLE
from bridge.yaml_files.type_descriptions import one_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_INSIDE: Final = (
    "'{of}.{name}' is null here: after [], |, .{{ and &, a name is a field of the value on the left; write ${of}.{name}"
)
_OUTSIDE: Final = (
    "'{name}' is null here: after [], |, .{{ and &, a name is a field of the value on the left; write ${name}, "
    "or @.{name} for a member of that value"
)


_FLATTENED: Final = "after this call, [] flattens its pairs, so that [0] and [1] are null; write [*]"
_WORD: Final = re.compile(r"\w+")


def name_errors(
    expression: Expression, names: tuple[str, ...], members: Mapping[str, tuple[str, ...] | None]
) -> list[ExpressionError]:
    """Return the errors in the names of an expression.

    - `names`: the names of the scope that the expression can use
    - `members`: for some of the names, the members that their values can have, or None if any member is possible
    """
    return [
        *_hyphenated_names(expression),
        *_flattened_pairs(expression),
        *_unknown_names(expression, names),
        *_unknown_variables(expression, names),
        *_unknown_members(expression, members),
        *_outer_names(expression, names, members),
        *_bare_literals(expression),
    ]


def _unknown_members(expression: Expression, known: Mapping[str, tuple[str, ...] | None]) -> list[ExpressionError]:
    """Return an error for each member that cannot exist, such as `captures.x` if the topic has no capture `x`."""
    text = expression.text
    errors = [
        ExpressionError(_unknown_member(of, name, members), _member_offset(text, of, name), text)
        for of, name in sorted(expression.members)
        if (members := known.get(of)) is not None and name not in members
    ]
    # Inside [] and after |, names are members of the value on the left. There, `captures.x` would always be null.
    errors += [
        ExpressionError(_INSIDE.format(of=of, name=name), _member_offset(text, of, name, whole=True), text)
        for of, name in sorted(expression.inner)
        if name in (known.get(of) or ())
    ]
    return errors


def _outer_names(
    expression: Expression, known: tuple[str, ...], members: Mapping[str, tuple[str, ...] | None]
) -> list[ExpressionError]:
    """Return an error for each name of the scope after [], | and &, where names are members of the value on the left.

    `properties` is not reported, because list items often have a member with this name. But if a possible member
    follows, as in `properties.content_type`, `_unknown_members` reports an error.
    """
    reported = {of for of, name in expression.inner if name in (members.get(of) or ())}
    names = (expression.inner_names & set(known)) - reported - {"properties"}
    return [
        ExpressionError(_OUTSIDE.format(name=name), _offset(expression.text, name, last=True), expression.text)
        for name in sorted(names)
    ]


def _bare_literals(expression: Expression) -> list[ExpressionError]:
    """Return an error for each `true`, `false` and `null` without back quotes after [], | and &.

    JMESPath reads these words as names of fields. `_unknown_names` reports these words in all other positions.
    """
    return [
        ExpressionError(unknown_name_advice(name, expression.text), _offset(expression.text, name), expression.text)
        for name in sorted(expression.inner_names & LITERALS)
    ]


def _hyphenated_names(expression: Expression) -> list[ExpressionError]:
    """Return an error for each `-` that probably belongs to a name, as in `payload.flow-rate`.

    JMESPath subtracts the field `rate` from the field `flow`.
    """
    text = expression.text
    errors = []
    for offset in expression.hyphens:
        before, after = _before(text, offset), _WORD.match(text, offset + 1)
        name = f"{before}-{after[0] if after else ''}"
        message = f"'{name}' subtracts; write spaces around the -, or \"{name}\" in double quotes for one name"
        errors.append(ExpressionError(message, offset - len(before), text))
    return errors


def _flattened_pairs(expression: Expression) -> list[ExpressionError]:
    """Return an error for each `items(a)[].b`. `[]` flattens the pairs, so `b` is not read from pairs."""
    return [ExpressionError(_FLATTENED, offset, expression.text) for offset in expression.flat_pairs]


def _before(text: str, offset: int) -> str:
    """Return the name that ends at the offset."""
    name = re.search(r"\w+\Z", text[:offset])
    return name[0] if name else ""


def _member_offset(text: str, of: str, name: str, *, whole: bool = False) -> int:
    """Return the offset of `name` in `of.name`. If `whole` is True, return the offset of `of.name`.

    Return 0 if the search does not find `of.name` in the text.
    """
    place = re.search(rf"(?<![\w.\"'`]){of}\s*[.|]\s*\"?{re.escape(name)}", text)
    if place is None:
        return 0
    return place.start() if whole else place.end() - len(name)


def _unknown_member(of: str, name: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    if of == VARS:
        before = ", ".join(known) or "nothing"
        return f"there is no '{of}.{name}' here; `{VARS}` defines {before} before this expression"
    there = (
        f"there is {one_of([*known])}" if of != "captures" else f"the topic captures {', '.join(known) or 'nothing'}"
    )
    return f"there is no '{of}.{name}'; " + (f"did you mean '{near[0]}'?" if near else there)


def _unknown_names(expression: Expression, known: tuple[str, ...]) -> list[ExpressionError]:
    """Return an error for each name that the scope does not have."""
    unknown = sorted((expression.names or frozenset()) - expression.variables - set(known))
    found = [(name, _offset(expression.text, name)) for name in unknown]
    return [
        ExpressionError(_unknown_name(name, known, expression.text), offset, expression.text)
        for name, offset in found
        # `_hyphenated_names` has already reported the complete name, so do not report its second half.
        if offset - 1 not in expression.hyphens
    ]


def _unknown_variables(expression: Expression, known: tuple[str, ...]) -> list[ExpressionError]:
    """Return an error for each variable that is not predefined and that no `let` binds."""
    return [
        ExpressionError(_unknown_variable(name, known), _variable_offset(expression.text, name), expression.text)
        for name in sorted(expression.variables - set(known))
    ]


def _unknown_variable(name: str, known: tuple[str, ...]) -> str:
    if name == INDEX:
        return "'$index' exists only in the & expression of map()"
    # These names exist in some expressions. The error for the name without `$` says in which expressions.
    if name in {RECORD, SAMPLE, VARS}:
        return _unknown_name(name, known, "")
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean '${near[0]}'?" if near else f"`let ${name} = … in …` names a value"
    return f"there is no variable '${name}'; {hint}"


def _variable_offset(text: str, name: str) -> int:
    found = re.search(rf"\${re.escape(name)}(?!\w)", text)
    return found.start() if found else 0


def _unknown_name(name: str, known: tuple[str, ...], text: str) -> str:
    if name == RECORD:
        return f"'{RECORD}' exists only in `partition_key_from`"
    if name == SAMPLE:
        return f"'{SAMPLE}' exists only with `sample: {{keep: mean}}`, in `transform` and `partition_key_from`"
    if name == VARS:
        return f"'{VARS}' exists only with a section `{VARS}:`"
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"fields of a message are written `payload.{name}`"
    hint = unknown_name_advice(name, text) or hint
    return f"unknown name '{name}'; {hint}"


def _offset(text: str, name: str, *, last: bool = False) -> int:
    """Return the first offset at which the name is not a member and not a key. If `last` is True, return the last one.

    In `{status: payload.status || status}`, the result is the offset of the third `status`.
    """
    alone = [*re.finditer(rf"(?<![\w.$\"'`]){re.escape(name)}(?![\w\"'`]|\s*:)", text)]
    found = alone[-1 if last else 0] if alone else re.search(re.escape(name), text)
    return found.start() if found else 0
