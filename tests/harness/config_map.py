"""Folder like a mounted ConfigMap, written in the same way as by the kubelet.

    mappings/..2026_11_25_09_30_00.0000000001/press.yaml     the files of one version
    mappings/..data -> ..2026_11_25_09_30_00.0000000001      this version is active
    mappings/press.yaml -> ..data/press.yaml                 what users see
    mappings/tables -> ..data/tables                         the same for a key that is projected to tables/assets.csv

All files of an edit change by one rename of `..data`. Then names are added and removed, and the old version is deleted.
https://github.com/kubernetes/kubernetes/blob/master/pkg/volume/util/atomic_writer.go
"""

import itertools
import shutil
from pathlib import Path


class ConfigMapFolder:
    """Mounted ConfigMap. `write` does what the kubelet does after `kubectl apply`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        folder.mkdir(parents=True)

    def write(self, data: dict[str, str]) -> None:
        """Replace all files by the files in `data`, which maps a path to a text."""
        current = self._folder / "..data"
        old = current.resolve() if current.is_symlink() else None
        version = self._folder / f"..2026_11_25_09_30_00.{next(self._numbers):010}"
        for name, text in data.items():
            file = version / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        swapped = self._folder / "..data_tmp"
        swapped.symlink_to(version.name)
        swapped.rename(current)
        names = {Path(name).parts[0] for name in data}
        for name in names - self._names():
            (self._folder / name).symlink_to(Path("..data") / name)
        for name in self._names() - names:
            (self._folder / name).unlink()
        if old is not None:
            shutil.rmtree(old)

    def _names(self) -> set[str]:
        return {each.name for each in self._folder.iterdir() if not each.name.startswith("..")}
