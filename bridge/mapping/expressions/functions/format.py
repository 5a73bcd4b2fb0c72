"""The function `format`, which inserts values into a template.

    {}       the next argument               {2}      the argument at index 2, from 0
    {:.2f}   a number with two decimals      {:05}    at least five characters, filled with zeros
    {:x}     an integer in hexadecimal       {{ }}    a single brace

A format specification follows the colon. It has four parts, which are all optional: 0 (fill with zeros), a width (at
most 256), a precision (at most 100), and a type. The type is one of d f e x X o b. Python's format specification has
more options. These options are not supported, because their results depend on a locale or have no maximum length.

Without a format specification, a text is inserted unchanged, and any other value is inserted as JSON. For a text, the
precision is the maximum length. For a number, the precision rounds the binary value of the float, so 2.675 becomes
2.67. To avoid this, use `round` first.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from bridge.durations import pluralize
from bridge.mapping.expressions.functions.function import MAX_TEXT_CHARS, NUMBER, Binding, Function, Parameter
from bridge.mapping.expressions.functions.standard import to_string

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_WIDTH: Final = 256
MAX_PRECISION: Final = 100

# Matches a doubled brace, a placeholder (index, format specification), or a single brace, which is an error.
_PIECE = re.compile(r"(\{\{|\}\})|\{(\d{0,3})(?::([^{}]*))?\}|([{}])")
# Matches a format specification: zero, width, precision, type.
_SPEC = re.compile(r"(0?)(\d{0,4})(?:\.(\d{1,3}))?([dfexXob]?)")

Piece = str | tuple[int, str]
"""A piece of a template: text, or a placeholder (index of the argument from 0, format specification)."""


def _parsed(template: str) -> list[Piece]:
    """Return the pieces of a template. Raise ValueError if the template is invalid."""
    pieces: list[Piece] = []
    end = following = 0
    for found in _PIECE.finditer(template):
        pieces.append(template[end : found.start()])
        end = found.end()
        brace, place, spec, stray = found.groups()
        if stray:
            raise ValueError(f"'{stray}' at character {found.start()} of the template: write {stray * 2} for a brace")
        if brace:
            pieces.append(brace[0])
            continue
        pieces.append((int(place) if place else following, _checked(spec or "")))
        # Only a placeholder without an index, `{}`, advances to the next argument.
        following += not place
    pieces.append(template[end:])
    return [piece for piece in pieces if piece]


def _checked(spec: str) -> str:
    """Return the format specification. Raise ValueError if it is invalid or not supported."""
    found = _SPEC.fullmatch(spec)
    if not found or int(found[2] or 0) > MAX_WIDTH or int(found[3] or 0) > MAX_PRECISION:
        raise ValueError(f"'{spec}' is not a format: [0][width][.precision][d|f|e|x|X|o|b]")
    return spec


def _filled(pieces: list[Piece], values: tuple[Any, ...]) -> str:
    """Return the text of the template with the values. Raise ValueError if it is longer than MAX_TEXT_CHARS."""
    text = "".join([piece if type(piece) is str else _written(piece, values) for piece in pieces])
    if len(text) > MAX_TEXT_CHARS:
        raise ValueError(f"the result is longer than {MAX_TEXT_CHARS} characters")
    return text


def _written(piece: Any, values: tuple[Any, ...]) -> str:
    """Return the value of one placeholder as text. Raise ValueError if the call has too few values."""
    place, spec = piece
    if place >= len(values):
        raise ValueError(f"the template needs {pluralize(place + 1, 'value')}, found {len(values)}")
    value = values[place]
    if not spec:
        return to_string(value)
    return format(value, spec) if type(value) in NUMBER else format(to_string(value), spec)


def _format(template: str, *values: Any) -> str:
    return _filled(_parsed(template), values)


def _bind(binding: Binding) -> Callable[..., Any]:
    """Return `format` for a literal template, which is parsed once.

    Raise ValueError if the template is invalid, or if the call has too few values.
    """
    template = binding.literal(0)
    if type(template) is not str:
        return _format
    pieces = _parsed(template)
    places = [piece[0] for piece in pieces if type(piece) is tuple]
    given = len(binding.literals) - 1
    if max(places, default=-1) >= given:
        raise ValueError(f"the template needs {pluralize(max(places) + 1, 'value')}, found {given}")
    return lambda _, *values: _filled(pieces, values)


FORMAT: Final = Function(
    "format",
    (Parameter("template", ("string",)), Parameter("value")),
    _format,
    "The template with the values inserted. A placeholder is {} or {0}, with a format {:.2f}, {:05} or {:x}.",
    (("format('{}-{:03}', 'press', `7`)", "press-007"), ("format('{:.1f} °C', `21.26`)", "21.3 °C")),
    variadic=True,
    bind=_bind,
    cost=10,
    size_factor=20,
)
