"""From text to nodes, in bounded time and memory.

Limits: 1 MiB of text, 64 levels, and 100,000 values by alias (a few lines of nested aliases can stand for billions:
https://en.wikipedia.org/wiki/Billion_laughs_attack).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from bridge.documents.building import Builder, Fatal
from bridge.documents.files import MAX_DOCUMENT_BYTES
from bridge.documents.nodes import NOWHERE
from bridge.documents.syntax import LINE_BREAK, decode, explain
from bridge.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.documents.nodes import Node


def parse(text: str | bytes, file: str) -> tuple[Node | None, list[Problem]]:
    """The root node, or None where there is none to speak of; and all that is wrong."""
    root, found = None, []
    try:
        source = _source(text)
        builder = Builder(LINE_BREAK.split(source))
        found = builder.problems
        root = builder.build(_events(source))
    except Fatal as fatal:
        found = [*found, (fatal.place, fatal.message)]
    return root, [Problem(file, *place, "", message) for place, message in found]


def _source(text: str | bytes) -> str:
    if len(text) > MAX_DOCUMENT_BYTES:
        raise Fatal(NOWHERE, f"larger than {MAX_DOCUMENT_BYTES:,} bytes, the most that is read of such a file")
    source, place, message = decode(text)
    if message:
        raise Fatal(place, message)
    return source


def _events(source: str) -> Iterator[yaml.Event]:
    """Raises Fatal for whatever yaml finds wrong."""
    try:
        yield from yaml.parse(source, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # the latter two: an escape beyond Unicode
        place, message = explain(error, LINE_BREAK.split(source))
    else:
        return
    raise Fatal(place, message)
