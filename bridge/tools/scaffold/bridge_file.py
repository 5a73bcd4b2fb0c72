"""Text of the file bridge.yaml that `init` writes.

The file contains the user's answers, and every other option as a comment with its default. Each option has its
description.
"""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Final

from bridge.config import options
from bridge.mapping.proposals.yaml_text import yaml_text
from bridge.yaml_files.scalar_types import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bridge.config.option_table import Option

_WIDTH: Final = 110
_OF_TYPE: Final = re.compile(r"\(type: ([^)]*)\) ")
_NUMBERS: Final = ("a whole number", "a number", "a size", "true or false")
"""Types whose values are not text. The type of such an option begins with one of these words."""
_COLLECTIONS: Final = ("list", "command", "keys and values")
_HEAD: Final = """\
# Configuration of the bridge. Changes take effect after a restart. Mappings are reloaded while the bridge runs.
# Lines that begin with '#' without a space are options with their defaults: to set an option, remove the '#'.
# ${NAME} is the value of an environment variable, ${file:/run/secrets/name} the content of a file. Use them
# for secrets.
"""


def bridge_text(answers: Mapping[str, str]) -> str:
    """Return the text of bridge.yaml.

    `answers` maps the full name of an option, such as `mqtt.url`, to its value. References such as `${NAME}` are
    written unchanged.
    """
    chosen = answers.get("kinesis.authentication.type", "default")
    rows = [row for row in options() if _belongs(row, chosen)]
    return "\n".join([_HEAD, *_lines(rows, answers)]) + "\n"


def _belongs(row: Option, chosen: str) -> bool:
    """Return whether to write an option. Omit the options of authentication types that were not chosen."""
    of = _OF_TYPE.match(row.description)
    return of is None or f"`{chosen}`" in of[1]


def _lines(rows: list[Option], answers: Mapping[str, str]) -> Iterator[str]:
    opened: tuple[str, ...] = ()
    for place, row in enumerate(rows):
        *parents, name = row.name.split(".")
        for depth, parent in enumerate(parents):
            if answers.get(".".join(parents[: depth + 1])) == "null":
                break
            if opened[: depth + 1] != tuple(parents[: depth + 1]):
                yield from [""] if not depth else []
                yield from _section(".".join(parents[: depth + 1]), parent, depth, rows, answers)
                opened = tuple(parents[: depth + 1])
        is_section = place + 1 < len(rows) and rows[place + 1].name.startswith(f"{row.name}.")
        if (is_section and row.name not in answers) or any(answers.get(each) == "null" for each in _sections(parents)):
            continue  # the heading of a section is written with its first option; a section that is off has no options
        yield from [] if parents else [""]
        yield from _commented(row.description, 2 * len(parents))
        value = answers.get(row.name)
        shown = _written(row, value) if value is not None else row.default if row.default != "required" else ""
        mark = "" if value is not None else "#"
        yield f"{'  ' * len(parents)}{mark}{name}: {shown}".rstrip()
        opened = tuple(parents)


def _sections(parents: list[str]) -> Iterator[str]:
    """Yield the paths of all sections that contain an option: `mqtt` and `mqtt.tls` for `mqtt.tls.ca_file`.

    `parents` contains the parts of the option's name without the last part: `mqtt` and `tls`.
    """
    yield from (".".join(parents[: depth + 1]) for depth in range(len(parents)))


def _written(row: Option, value: str) -> str:
    """Return a value as YAML: as a number or a collection if the option has such a type, otherwise as text."""
    if row.type.startswith(_NUMBERS) and not isinstance(resolve(value), str):
        return value
    is_collection = value.startswith(("[", "{")) and any(word in row.type for word in _COLLECTIONS)
    return value if is_collection or value == "null" else yaml_text(value)


def _section(path: str, name: str, depth: int, rows: list[Option], answers: Mapping[str, str]) -> Iterator[str]:
    described = next((row.description for row in rows if row.name == path), "")
    yield from _commented(described, 2 * depth)
    given = any(answer.startswith(f"{path}.") for answer in answers)
    yield f"{'  ' * depth}{'' if given else '#'}{name}:"


def _commented(text: str, indent: int) -> Iterator[str]:
    prefix = " " * indent + "# "
    yield from textwrap.wrap(_OF_TYPE.sub("", text), _WIDTH, initial_indent=prefix, subsequent_indent=prefix)
