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
    """The values of a file, with the position of each.

    `file` is the name in problems. `data` is plain (dict, list, str, int, float, bool, None), after substitution.
    `sha256` is the digest of the file's bytes, in hexadecimal.
    """

    file: str
    data: Any = field(repr=False)
    root: Node = field(repr=False, compare=False)
    sha256: str = field(default="", compare=False)

    def place(self, path: Path) -> tuple[int, int]:
        """Return line and column, from 1, of the key or list item at `path`, or of its nearest existing parent."""
        return find(self.root, path)[0].place

    def value_place(self, path: Path) -> tuple[int, int]:
        """Return the position where the value's own text begins.

        That is after a quotation mark, or on the first line of text of a `|` or `>` block.
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
    """Return the values of a file. Raises ConfigError with all problems.

    `substitute` replaces `${ENV}` and `${file:...}` (relative to the file's folder) in values. `only` names the
    top-level keys to read, if any: other keys are ignored, and may refer to missing variables and files.

    Problems are an unreadable file, text that is not YAML, and references to missing variables or files.
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
    """Return the values of a text. Raises ConfigError with all problems.

    `file` is the name in problems, and `base` the folder that `${file:...}` is relative to. See `read_document` for the
    other arguments.
    """
    root, problems = parse(text, file)
    # This comes before substitution, because the other keys may refer to missing variables.
    if only and isinstance(root, MapNode):
        root.items = {key: root.items[key] for key in only if key in root.items}
    if root is not None and substitute:
        problems += Substitution(environ, base, file).apply(root)
    if problems or root is None:
        raise ConfigError(problems)
    octets = text.encode() if isinstance(text, str) else text
    return Document(file, root.data, root, sha256(octets).hexdigest())
