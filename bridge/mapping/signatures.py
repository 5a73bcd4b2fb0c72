"""What tells that a file has changed, without reading it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Signature: TypeAlias = tuple[int, int, int, int]
"""Size, modification time in ns, inode, device: of the file that a symlink leads to."""


def signatures(files: Iterable[Path]) -> dict[Path, Signature]:
    """What the files look like now, without those that are gone."""
    found: dict[Path, Signature] = {}
    for file in files:
        try:
            status = file.stat()
        except OSError:
            continue  # removed between the listing and now
        found[file] = (status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev)
    return found
