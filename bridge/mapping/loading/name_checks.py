"""Checks of the names and variables in an expression. For most errors, JMESPath would silently return null."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final

from bridge.mapping.expressions.expression import Expression, ExpressionError
from bridge.mapping.expressions.hints import LITERALS, unknown_name
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
    """Return the errors of an expression that can use `names`.

    `members` are the possible members of some names; None: any member.
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
    """Return an error for each capture and property that cannot exist, because JMESPath would silently return null."""
    wrong = [
        (of, name, _unknown_member(of, name, members), _member_offset(expression.text, of, name))
        for of, name in sorted(expression.members)
        if (members := known.get(of)) is not None and name not in members
    ]
    wrong += [
        # Inside [] and after |, the name would be looked up in the value on the left, and would always be null.
        (of, name, _INSIDE.format(of=of, name=name), _member_offset(expression.text, of, name, whole=True))
        for of, name in sorted(expression.inner)
        if name in (known.get(of) or ())
    ]
    return [ExpressionError(text, offset, expression.text) for _of, _name, text, offset in wrong]


def _outer_names(
    expression: Expression, known: tuple[str, ...], members: Mapping[str, tuple[str, ...] | None]
) -> list[ExpressionError]:
    """Return an error for each name of the scope after [], | and &, where it would silently be null.

    `properties` alone is never reported, because list items often have a member of that name. `_unknown_members`
    reports `properties.NAME` for the names that the scope has.
    """
    reported = {of for of, name in expression.inner if name in (members.get(of) or ())}
    names = (expression.inner_names & set(known)) - reported - {"properties"}
    return [
        ExpressionError(_OUTSIDE.format(name=name), _offset(expression.text, name, last=True), expression.text)
        for name in sorted(names)
    ]


def _bare_literals(expression: Expression) -> list[ExpressionError]:
    """Return an error for each `true`, `false` and `null` without back quotes after [], | and &, where it is a name."""
    return [
        ExpressionError(unknown_name(name, expression.text), _offset(expression.text, name), expression.text)
        for name in sorted(expression.inner_names & LITERALS)
    ]


def _hyphenated_names(expression: Expression) -> list[ExpressionError]:
    """Return an error for each `-` that is more likely part of a name than a subtraction, as in `payload.flow-rate`."""
    text = expression.text
    errors = []
    for offset in expression.hyphens:
        before, after = _before(text, offset), _WORD.match(text, offset + 1)
        name = f"{before}-{after[0] if after else ''}"
        message = f"'{name}' subtracts; write spaces around the -, or \"{name}\" in double quotes for one name"
        errors.append(ExpressionError(message, offset - len(before), text))
    return errors


def _flattened_pairs(expression: Expression) -> list[ExpressionError]:
    """Return an error for each `items(a)[].b`, because the elements of the list that `[]` creates are not pairs."""
    return [ExpressionError(_FLATTENED, offset, expression.text) for offset in expression.flat_pairs]


def _before(text: str, offset: int) -> str:
    """Return the name that ends at the offset."""
    name = re.search(r"\w+\Z", text[:offset])
    return name[0] if name else ""


def _member_offset(text: str, of: str, name: str, *, whole: bool = False) -> int:
    """Return the offset of `name` in `of.name`, or that of `of` if `whole`; 0 if the text has no `of.name`."""
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
    """Return an error for each name that no scope has, because JMESPath would silently return null for it."""
    unknown = sorted((expression.names or frozenset()) - expression.variables - set(known))
    found = [(name, _offset(expression.text, name)) for name in unknown]
    return [
        ExpressionError(_unknown_name(name, known, expression.text), offset, expression.text)
        for name, offset in found
        if offset - 1 not in expression.hyphens  # the error of the complete hyphenated name is reported already
    ]


def _unknown_variables(expression: Expression, known: tuple[str, ...]) -> list[ExpressionError]:
    """Return an error for each variable that is neither predefined nor bound by `let`."""
    return [
        ExpressionError(_unknown_variable(name, known), _variable_offset(expression.text, name), expression.text)
        for name in sorted(expression.variables - set(known))
    ]


def _unknown_variable(name: str, known: tuple[str, ...]) -> str:
    if name == INDEX:
        return "'$index' is there in the & expression of map() only"
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
        return f"'{RECORD}' is there in `partition_key_from` only"
    if name == SAMPLE:
        return f"'{SAMPLE}' is there with `sample: {{keep: mean}}` only, in `transform` and `partition_key_from`"
    if name == VARS:
        return f"'{VARS}' is there with a section `{VARS}:` only"
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"fields of a message are written `payload.{name}`"
    hint = unknown_name(name, text) or hint
    return f"unknown name '{name}'; {hint}"


def _offset(text: str, name: str, *, last: bool = False) -> int:
    """Return the first (or last) offset at which the name is neither a field of another value nor a key."""
    alone = [*re.finditer(rf"(?<![\w.$\"'`]){re.escape(name)}(?![\w\"'`]|\s*:)", text)]
    found = alone[-1 if last else 0] if alone else re.search(re.escape(name), text)
    return found.start() if found else 0
