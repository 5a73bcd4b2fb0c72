"""A parsed file, and the functions that read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from bridge.errors import ConfigError, Problem
from bridge.files import MAX_DOCUMENT_BYTES, FileProblem, read_bytes
from bridge.yaml_files.nodes import MapNode, Node, Path, Scalar, find, path_text
from bridge.yaml_files.parser import parse
from bridge.yaml_files.variables import Substitution

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Collection, Mapping


@dataclass(frozen=True)
class Document:
    """The values of a file, with the position of each value.

    `file` is the file name that problems show. `data` has plain values (dict, list, str, int, float, bool, None), with
    all references replaced. `sha256` is the digest of the file's bytes, in hexadecimal.
    """

    file: str
    data: Any = field(repr=False)
    root: Node = field(repr=False, compare=False)
    sha256: str = field(default="", compare=False)

    def place(self, path: Path) -> tuple[int, int]:
        """Return the line and column (from 1) of the key or list item at `path`.

        If `path` does not exist, return the position of its nearest parent that exists.
        """
        return find(self.root, path)[0].place

    def value_place(self, path: Path) -> tuple[int, int]:
        """Return the position where the text of the value at `path` begins.

        The text of a quoted value begins after the quotation mark. The text of a `|` or `>` block begins on its first
        line of text.
        """
        return find(self.root, path)[0].node.begin

    def blank(self, path: Path) -> bool:
        """Return whether the key at `path` exists and has no value."""
        entry, exact = find(self.root, path)
        return exact and isinstance(entry.node, Scalar) and entry.node.plain and not entry.node.text

    def problem(self, path: Path, message: str) -> Problem:
        """Return a problem with this message at `path`."""
        line, column = self.place(path)
        return Problem(self.file, line, column, path_text(path), message)


def read_document(
    file: pathlib.Path,
    *,
    shown_as: str | None = None,
    substitute: bool,
    environ: Mapping[str, str],
    only: Collection[str] = (),
) -> Document:
    """Return the values of a file. Raise ConfigError with all problems.

    With `substitute`, references `${ENV}` and `${file:...}` in values are replaced. Paths of such files are relative to
    the folder of `file`. If `only` is given, all other top-level keys are ignored, even if they refer to missing
    variables or files.

    A problem is an unreadable file, text that is not YAML, or a reference to a missing variable or file.
    """
    name = shown_as or str(file)
    try:
        raw = read_bytes(file, MAX_DOCUMENT_BYTES)
    except FileProblem as problem:
        message = str(problem)
    else:
        return parse_document(raw, name, substitute=substitute, environ=environ, base=file.parent, only=only)
    raise ConfigError([Problem(name, 0, 0, "", message)])


def parse_document(
    text: str | bytes,
    file: str,
    *,
    substitute: bool,
    environ: Mapping[str, str],
    base: pathlib.Path,
    only: Collection[str] = (),
) -> Document:
    """Return the values of a text. Raise ConfigError with all problems.

    `file` is the file name that problems show. Paths in `${file:...}` are relative to the folder `base`. All other
    arguments have the same meaning as in `read_document`.
    """
    root, problems = parse(text, file)
    # Keys that are not in `only` are removed before substitution, because they may refer to missing variables.
    if only and isinstance(root, MapNode):
        root.items = {key: root.items[key] for key in only if key in root.items}
    if root is not None and substitute:
        problems += Substitution(environ, base, file).apply(root)
    if problems or root is None:
        raise ConfigError(problems)
    octets = text.encode() if isinstance(text, str) else text
    return Document(file, root.data, root, sha256(octets).hexdigest())
