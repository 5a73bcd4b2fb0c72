"""Parsing of text to nodes, in bounded time and memory.

The package yaml has two parsers. `SafeLoader` is written in Python, and `syntax_errors` explains its errors.
`CSafeLoader` uses libyaml and parses nine times as fast, so that a mapping file loads in 1.1 ms instead of 3.1 ms. In a
comparison of 100,000 texts, both parsers produced the same events and positions, with a few exceptions. In some
positions, libyaml accepts a tab, a `?`, a byte-order mark, or a comment directly after `|` or `>`. The Python parser
refuses them in these positions.

For this reason, the Python parser parses texts that contain one of these. It also parses a text again if libyaml finds
a fault, to report the fault.

The limits are 1 MiB of text, 64 levels, and 100,000 values that aliases stand for. A few lines of nested aliases can
stand for billions of values: https://en.wikipedia.org/wiki/Billion_laughs_attack.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from bridge.errors import Problem
from bridge.files import MAX_DOCUMENT_BYTES
from bridge.yaml_files.node_builder import NodeBuilder, ParseAborted
from bridge.yaml_files.nodes import NOWHERE
from bridge.yaml_files.syntax_errors import LINE_BREAK, decode, explain
from bridge.yaml_files.tab_loader import TabLoader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.yaml_files.nodes import Node

# Characters that libyaml accepts in positions where the Python parser refuses them. A text with such a character is not
# parsed by libyaml.
_PARSED_DIFFERENTLY = re.compile(r"[\t?\ufeff]|[|>][-+0-9]*#")
# Errors that yaml raises. ValueError and OverflowError mean that an escape is beyond the range of Unicode.
_YAML_ERRORS = (yaml.YAMLError, ValueError, OverflowError)


def parse(text: str | bytes, file: str) -> tuple[Node | None, list[Problem]]:
    """Return the root node, or None if parsing ended early, and all problems."""
    root, found = None, []
    try:
        source = _source(text)
        lines = LINE_BREAK.split(source)
        builder = NodeBuilder(lines)
        found = builder.problems
        try:
            root = builder.build(_fast_events(source))
            # The Python parser parses the text again, because it reports problems with exact positions.
            if found:
                raise yaml.YAMLError
        except (
            # IndexError: libyaml may report a position after the end of the text.
            *_YAML_ERRORS,
            IndexError,
            ParseAborted,
        ):
            root, builder = None, NodeBuilder(lines)
            found = builder.problems
            root = builder.build(_events(source, lines))
    except ParseAborted as fatal:
        found = [*found, (fatal.place, fatal.message)]
    return root, [Problem(file, *place, "", message) for place, message in found]


def _source(text: str | bytes) -> str:
    if len(text) > MAX_DOCUMENT_BYTES:
        raise ParseAborted(NOWHERE, f"larger than {MAX_DOCUMENT_BYTES:,} bytes, the limit for such a file")
    source, place, message = decode(text)
    if message:
        raise ParseAborted(place, message)
    return source


def _fast_events(source: str) -> Iterator[yaml.Event]:
    """Yield the events of libyaml.

    Raise YAMLError if libyaml is missing, must not parse this text, or finds a fault.
    """
    if not yaml.__with_libyaml__ or _PARSED_DIFFERENTLY.search(source):
        raise yaml.YAMLError
    yield from yaml.parse(source, Loader=yaml.CSafeLoader)


def _events(source: str, lines: list[str]) -> Iterator[yaml.Event]:
    """Yield the events of the Python parser. Raise ParseAborted with an explanation of the first fault."""
    try:
        yield from yaml.parse(source, Loader=TabLoader)
    except _YAML_ERRORS as error:
        place, message = explain(error, lines)
    else:
        return
    raise ParseAborted(place, message)
