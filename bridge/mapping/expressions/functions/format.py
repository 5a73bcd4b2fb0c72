"""`format`: a template with placeholders for values.

    {}       the next argument               {2}      the argument at this index, from 0
    {:.2f}   with two decimals               {:05}    at least five characters, filled with zeros
    {:x}     integer in hexadecimal          {{ }}    a brace

After the colon: an optional 0 (fill with zeros), width (at most 256), precision (at most 100) and one of d f e x X o b.
This is the subset of Python's format specification whose results are bounded and do not depend on a locale. A text is
inserted unchanged; any other value is inserted as JSON. Precision truncates a text. It rounds the exact binary value of
a number, so use `round` first if halves matter.
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

_PIECE = re.compile(r"(\{\{|\}\})|\{(\d{0,3})(?::([^{}]*))?\}|([{}])")
_SPEC = re.compile(r"(0?)(\d{0,4})(?:\.(\d{1,3}))?([dfexXob]?)")

Piece = str | tuple[int, str]
"""Literal text, or the index of an argument (from 0) and its format specification."""


def _parsed(template: str) -> list[Piece]:
    """Return the pieces of a template. Raises ValueError with the error in the template."""
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
        following += not place  # an explicit index does not change the next implicit one
    pieces.append(template[end:])
    return [piece for piece in pieces if piece]


def _checked(spec: str) -> str:
    """Return the format specification. Raises ValueError if it is not in the supported subset of Python's."""
    found = _SPEC.fullmatch(spec)
    if not found or int(found[2] or 0) > MAX_WIDTH or int(found[3] or 0) > MAX_PRECISION:
        raise ValueError(f"'{spec}' is no format: [0][width][.precision][d|f|e|x|X|o|b]")
    return spec


def _filled(pieces: list[Piece], values: tuple[Any, ...]) -> str:
    """Return the text with the values inserted. Raises ValueError if it exceeds MAX_TEXT_CHARS."""
    text = "".join([piece if type(piece) is str else _written(piece, values) for piece in pieces])
    if len(text) > MAX_TEXT_CHARS:
        raise ValueError(f"the result is longer than {MAX_TEXT_CHARS} characters")
    return text


def _written(piece: Any, values: tuple[Any, ...]) -> str:
    """Return the value of one placeholder as text. Raises ValueError if the call has too few values."""
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
    """Return `format` for a literal template, parsed once. Raises ValueError for a template error or too few values."""
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
    "The template with the values in its places: {} or {0}, with a format as {:.2f}, {:05}, {:x}.",
    (("format('{}-{:03}', 'press', `7`)", "press-007"), ("format('{:.1f} °C', `21.26`)", "21.3 °C")),
    variadic=True,
    bind=_bind,
    cost=10,
    growth=20,
)
