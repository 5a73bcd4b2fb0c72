"""One file, read and parsed."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from bridge.documents.nodes import MapNode, Node, Path, Scalar, find, path_text
from bridge.documents.parser import parse
from bridge.documents.variables import Substitution
from bridge.errors import ConfigError, Problem
from bridge.files import MAX_DOCUMENT_BYTES, FileProblem, read_bytes

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Collection, Mapping


@dataclass(frozen=True)
class Document:
    """A file's values, and the place of each.

    `file` is the name that problems show; `data` is plain (dict, list, str, int, float, bool, None), after
    substitution; `sha256` is of the file's bytes, in hexadecimal.
    """

    file: str
    data: Any = field(repr=False)
    root: Node = field(repr=False, compare=False)
    sha256: str = field(default="", compare=False)

    def place(self, path: Path) -> tuple[int, int]:
        """Line and column, from 1, of the key (or the list item) at `path`; of the nearest above if there is none."""
        return find(self.root, path)[0].place

    def value_place(self, path: Path) -> tuple[int, int]:
        """Where the value's own text begins: after a quote, and on the first line of text of a `|` or `>` block."""
        return find(self.root, path)[0].node.begin

    def blank(self, path: Path) -> bool:
        """A key stands at `path`, and nothing after it."""
        entry, exact = find(self.root, path)
        return exact and isinstance(entry.node, Scalar) and entry.node.plain and not entry.node.text

    def problem(self, path: Path, message: str) -> Problem:
        """`message`, about what stands at `path`."""
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
    """The file's values; `substitute` replaces `${ENV}` and `${file:...}` (relative to the file's folder) in them.

    `only`: of all keys at the top these, if any are named; what stands at the others may refer to what is not there.

    Raises ConfigError with all that is wrong: the file cannot be read, is not YAML, or refers to what is not there.
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
    """As `read_document`, from text; `file` is the name that problems show, `base` the folder of `${file:...}`."""
    root, problems = parse(text, file)
    if only and isinstance(root, MapNode):
        root.items = {key: root.items[key] for key in only if key in root.items}
    if root is not None and substitute:
        problems += Substitution(environ, base, file).apply(root)
    if problems or root is None:
        raise ConfigError(problems)
    octets = text.encode() if isinstance(text, str) else text
    return Document(file, root.data, root, sha256(octets).hexdigest())
