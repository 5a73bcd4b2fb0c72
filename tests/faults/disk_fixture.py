"""Small separate file system for the spool. It needs root: https://man7.org/linux/man-pages/man5/tmpfs.5.html"""

import os
import subprocess
from pathlib import Path

BLOCK = 64 * 1024


class Disk:
    """Context manager in which `folder` is a file system of `mib` MiB."""

    def __init__(self, folder: Path, mib: int) -> None:
        self.folder = folder
        self._mib = mib
        self._filler = folder / "filler"

    def __enter__(self):
        self.folder.mkdir(parents=True)
        options = f"size={self._mib}m,mode=0700"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "spool", self.folder], check=True)
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "--lazy", self.folder], check=True)

    def fill(self) -> None:
        """Fill the file system to the last byte."""
        with self._filler.open("ab", buffering=0) as file:
            size = BLOCK
            while size:
                try:
                    os.write(file.fileno(), bytes(size))
                except OSError:
                    size //= 2

    def empty(self) -> None:
        """Free the space that `fill` used."""
        self._filler.unlink(missing_ok=True)
