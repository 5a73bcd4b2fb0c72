"""From text to nodes, in bounded time and memory.

yaml has two parsers: its own, whose complaints are explained here to a person, and libyaml's, nine times as fast (a
mapping file loads in 1.1 ms and not in 3.1). They give the same events and places (compared on 100,000 texts), but
where a tab, a `?` or a byte order mark stands, or a comment right behind a `|` or `>`, which libyaml takes in more
places. So libyaml reads what has none of these, and wherever something is wrong, the other one reads it again and says
what.

Limits: 1 MiB of text, 64 levels, and 100,000 values by alias (a few lines of nested aliases can stand for billions:
https://en.wikipedia.org/wiki/Billion_laughs_attack).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from bridge.documents.node_builder import NodeBuilder, ParseAborted
from bridge.documents.nodes import NOWHERE
from bridge.documents.syntax_errors import LINE_BREAK, decode, explain
from bridge.errors import Problem
from bridge.files import MAX_DOCUMENT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.documents.nodes import Node

_TAKEN_BY_ONE = re.compile(r"[\t?\ufeff]|[|>][-+0-9]*#")
_YAML_ERRORS = (yaml.YAMLError, ValueError, OverflowError)
"""The latter two: an escape beyond Unicode."""


def parse(text: str | bytes, file: str) -> tuple[Node | None, list[Problem]]:
    """The root node, or None where there is none to speak of; and all that is wrong."""
    root, found = None, []
    try:
        source = _source(text)
        lines = LINE_BREAK.split(source)
        builder = NodeBuilder(lines)
        found = builder.problems
        try:
            root = builder.build(_fast_events(source))
            if found:
                raise yaml.YAMLError
        except (
            *_YAML_ERRORS,
            IndexError,
            ParseAborted,
        ):  # libyaml may tell of places behind the end
            root, builder = None, NodeBuilder(lines)
            found = builder.problems
            root = builder.build(_events(source, lines))
    except ParseAborted as fatal:
        found = [*found, (fatal.place, fatal.message)]
    return root, [Problem(file, *place, "", message) for place, message in found]


def _source(text: str | bytes) -> str:
    if len(text) > MAX_DOCUMENT_BYTES:
        raise ParseAborted(NOWHERE, f"larger than {MAX_DOCUMENT_BYTES:,} bytes, the most that is read of such a file")
    source, place, message = decode(text)
    if message:
        raise ParseAborted(place, message)
    return source


def _fast_events(source: str) -> Iterator[yaml.Event]:
    """Raises YAMLError for whatever is not for libyaml to judge."""
    if not yaml.__with_libyaml__ or _TAKEN_BY_ONE.search(source):
        raise yaml.YAMLError
    yield from yaml.parse(source, Loader=yaml.CSafeLoader)


def _events(source: str, lines: list[str]) -> Iterator[yaml.Event]:
    """Raises Fatal for whatever yaml finds wrong."""
    try:
        yield from yaml.parse(source, Loader=yaml.SafeLoader)
    except _YAML_ERRORS as error:
        place, message = explain(error, lines)
    else:
        return
    raise ParseAborted(place, message)
