"""What tells that a file has changed, without reading it."""

from __future__ import annotations

import os
from stat import S_ISREG
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

Signature: TypeAlias = tuple[int, int, int, int, int]
"""Size, modification time and change time in ns, inode, device: of the file that a symlink leads to. The change time
tells that a file may now be read that might not be."""


def signatures(files: Iterable[Path]) -> dict[Path, Signature]:
    """What the files look like now, without those that are gone."""
    found: dict[Path, Signature] = {}
    for file in files:
        try:
            status = file.stat()
        except OSError:
            continue  # removed between the listing and now
        found[file] = _signature(status)
    return found


class FolderWatch:
    """Looks at the files of one folder again and again: 2,000 of them take 12 ms of CPU, by their paths 30."""

    def __init__(self, folder: Path, chosen: Callable[[str], bool]) -> None:
        """`chosen` tells by its name whether a file is meant."""
        self._folder = folder
        self._chosen = chosen
        self._paths: dict[str, Path] = {}

    def look(self) -> dict[Path, Signature]:
        """What the files look like now. OSError where the folder cannot be read.

        A path is the same object each time: so it finds itself in a dictionary without being compared.
        """
        known, self._paths = self._paths, {}
        found: dict[Path, Signature] = {}
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if not self._chosen(entry.name):
                    continue
                try:
                    status = entry.stat()
                except OSError:
                    continue  # removed between the listing and now
                if S_ISREG(status.st_mode):
                    path = self._paths[entry.name] = known.get(entry.name) or self._folder / entry.name
                    found[path] = _signature(status)
        return found


def _signature(status: os.stat_result) -> Signature:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev
