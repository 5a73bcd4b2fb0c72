"""Model of a disk: its contents after a power cut, computed from the system calls that strace has recorded.

Written data stays in the page cache until a sync of its file writes it to the disk. A failed sync writes nothing, but
marks the pages as clean. Later syncs then do not write these pages, unless the process writes them again. ext4 and XFS
behave in this way (https://wiki.postgresql.org/wiki/Fsync_Errors). Of the pages that were never synced, a power cut
keeps some, chosen at random. Names and lengths of files are on the disk at once.
"""

import random
import re
from pathlib import Path

PAGE = 4096
CALL = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+)")
FILE = re.compile(r"^\d+<((?:\\x..)*)>")
TEXT = re.compile(r'"((?:\\x..)*)"')
TRACE = ("-f", "-y", "-xx", "-s", "1000000", "-e", "trace=pwrite64,ftruncate,fdatasync,fsync,unlink,rename,write")


def text(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))


class File:
    def __init__(self) -> None:
        self.cache, self.disk = bytearray(), bytearray()
        self.dirty: set[int] = set()

    def write(self, data: bytes, at: int) -> None:
        self._grow(at + len(data))
        self.cache[at : at + len(data)] = data
        self.dirty.update(range(at // PAGE, (at + len(data) - 1) // PAGE + 1))

    def truncate(self, size: int) -> None:
        self._grow(size)
        del self.cache[size:], self.disk[size:]

    def _grow(self, size: int) -> None:
        for content in (self.cache, self.disk):
            content.extend(bytes(max(0, size - len(content))))

    def sync(self, *, works: bool) -> None:
        if works:
            self._bring(self.disk, self.dirty)
        self.dirty.clear()

    def _bring(self, to: bytearray, pages) -> None:
        for page in pages:
            to[page * PAGE : page * PAGE + PAGE] = self.cache[page * PAGE : page * PAGE + PAGE]

    def after_a_cut(self, chance: random.Random) -> bytes:
        left = bytearray(self.disk)
        self._bring(left, [page for page in sorted(self.dirty) if chance.random() < 0.5])
        return bytes(left)


class ModelDisk:
    """A disk to which `feed` gives strace's lines. `said` contains the lines that were written outside the folder."""

    def __init__(self, folder: Path) -> None:
        self.said: list[str] = []
        self.failed_syncs = 0
        self._folder = str(folder).encode()
        self._files: dict[str, File] = {}

    def feed(self, line: str) -> None:
        found = CALL.match(line)
        if found is None:
            return
        name, arguments, result = found[1], found[2], int(found[3])
        if name in ("unlink", "rename"):
            self._name(name, [text(each).decode() for each in TEXT.findall(arguments)], done=result == 0)
            return
        on = FILE.match(arguments)
        path = text(on[1]) if on else b""
        if not path.startswith(self._folder):
            if name == "write":
                self.said += text(TEXT.search(arguments)[1]).decode(errors="replace").splitlines()
            return
        file = self._files.setdefault(path.decode(), File())
        if name in ("fsync", "fdatasync"):
            file.sync(works=result == 0)
            self.failed_syncs += result != 0
        elif result >= 0 and name == "ftruncate":
            file.truncate(int(arguments.rpartition(", ")[2]))
        elif result >= 0:
            at = int(arguments.rpartition(", ")[2]) if name == "pwrite64" else len(file.cache)
            file.write(text(TEXT.search(arguments)[1])[:result], at)

    def _name(self, what: str, paths: list[str], *, done: bool) -> None:
        if done and paths[0] in self._files:
            file = self._files.pop(paths[0])
            if what == "rename":
                self._files[paths[1]] = file

    def cut_the_power(self, under: Path, to: Path, chance: random.Random) -> None:
        """Copy the files of folder `under` to the folder `to`, with their contents after the power cut."""
        to.mkdir(parents=True)
        for path, file in self._files.items():
            if Path(path).parent == under and not path.endswith("-shm"):
                (to / Path(path).name).write_bytes(file.after_a_cut(chance))
