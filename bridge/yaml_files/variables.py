"""Substitution of `${NAME}`, `${NAME:-default}` and `${file:/run/secrets/x}` in values.

`$${` stands for the two characters `${`. References are replaced after parsing, so a secret may contain ':', '#' or
quotes. The default is used if the variable is unset or empty. References in keys are not replaced.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bridge.errors import Problem
from bridge.files import FileProblem, read_bytes
from bridge.yaml_files.nodes import Child, Scalar, path_text

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator, Mapping

    from bridge.yaml_files.nodes import Node, Path

MAX_SUBSTITUTED_CHARS = 1024 * 1024
"""Maximum number of substituted characters in a document. The limit for the size of the file does not count them."""
MAX_SECRET_BYTES = 64 * 1024

_REFERENCE = re.compile(
    r"(?P<escaped>\$\$\{)"
    r"|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(:-(?P<default>[^}]{0,1000}))?\}"
    r"|\$\{file:(?P<file>[^}]{1,1000})\}"
    r"|(?P<malformed>\$\{)"
)
_MALFORMED = "'${' begins ${NAME}, ${NAME:-default} or ${file:PATH}; for the two characters themselves write '$${'"


class _Unresolved(Exception):
    """A reference that cannot be resolved. The text of the error is the reason."""


class Substitution:
    """Replacement of the references of one document."""

    def __init__(self, environ: Mapping[str, str], base: pathlib.Path, file: str) -> None:
        self._environ = environ
        self._base = base
        self._file = file
        self._files: dict[str, str] = {}
        self._room = MAX_SUBSTITUTED_CHARS
        self._problems: list[Problem] = []

    def apply(self, root: Node) -> list[Problem]:
        """Replace the references in all scalars. Return a problem for each reference that cannot be resolved."""
        seen: set[int] = set()
        for path, entry in _walk((), Child(root.begin, root), seen):
            if isinstance(entry.node, Scalar) and "${" in entry.node.text:
                self._replace(path, entry, entry.node)
        return list(dict.fromkeys(self._problems))

    def _replace(self, path: Path, entry: Child, scalar: Scalar) -> None:
        """Replace the references in one scalar. Record a problem for each reference that cannot be resolved."""
        parts, sources, at = [], [], 0
        for match in _REFERENCE.finditer(scalar.text):
            try:
                parts += [scalar.text[at : match.start()], self._resolve(match)]
            except _Unresolved as unresolved:
                self._problems.append(Problem(self._file, *entry.place, path_text(path), str(unresolved)))
            at = match.end()
            if not match["escaped"]:
                sources.append(_shown(match))
        scalar.text = "".join([*parts, scalar.text[at:]])
        scalar.sources = tuple(dict.fromkeys(sources))

    def _resolve(self, match: re.Match[str]) -> str:
        """Return the text of a reference. Raise _Unresolved."""
        if match["escaped"]:
            return "${"
        if match["malformed"]:
            raise _Unresolved(_MALFORMED)
        text = self._read(match["file"]) if match["file"] else self._variable(match["name"], match["default"])
        # `os.environ` has surrogates instead of bytes that are not UTF-8.
        if not text.isascii() and "\ufffd" in text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"):
            raise _Unresolved(f"{_shown(match)}: not UTF-8 text")
        self._room -= len(text)
        if self._room < 0:
            self._room = 0
            raise _Unresolved(f"references stand for more than {MAX_SUBSTITUTED_CHARS:,} characters")
        return text

    def _variable(self, name: str, default: str | None) -> str:
        value = self._environ.get(name)
        if not value and default is not None:
            return default
        if value is None:
            raise _Unresolved(f"the environment variable {name} is not set; set it, or write ${{{name}:-default}}")
        return value

    def _read(self, name: str) -> str:
        """Return the text of a secret file without line breaks at its end.

        Each file is read once. Raise _Unresolved.
        """
        if name not in self._files:
            try:
                raw = read_bytes(self._base / name, MAX_SECRET_BYTES)
                self._files[name] = raw.decode("utf-8-sig").rstrip("\r\n")
            except FileProblem as problem:
                raise _Unresolved(f"${{file:{name}}}: {problem}") from None
            except UnicodeDecodeError:
                raise _Unresolved(f"${{file:{name}}}: not UTF-8 text") from None
        return self._files[name]


def _shown(match: re.Match[str]) -> str:
    """Return the reference without its default, which may be a secret too."""
    return f"${{file:{match['file']}}}" if match["file"] else f"${{{match['name']}}}"


def _walk(path: Path, entry: Child, seen: set[int]) -> Iterator[tuple[Path, Child]]:
    """Yield every node with its path. A node is yielded only once, even if several aliases refer to it."""
    if id(entry.node) in seen:
        return
    seen.add(id(entry.node))
    yield path, entry
    if isinstance(entry.node, Scalar):
        return
    items = entry.node.items
    for key, below in items.items() if isinstance(items, dict) else enumerate(items):
        yield from _walk((*path, key), below, seen)
