"""A limit on a process's memory, by a control group of its own, version 1 or 2. Needs root.

https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
"""

import os
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


class MemoryLimit:
    """`inside` is the command that puts another under the limit; what needs more is killed by the kernel."""

    def __init__(self, mib: int) -> None:
        version_1 = (ROOT / "memory").is_dir()
        self._group = (ROOT / "memory" if version_1 else ROOT) / f"faults-{os.getpid()}"
        self._limit = self._group / ("memory.limit_in_bytes" if version_1 else "memory.max")
        self._mib = mib
        self.inside = ("sh", "-c", f'echo $$ > {self._group}/cgroup.procs && exec "$@"', "sh")

    def __enter__(self):
        self._group.mkdir()
        self._limit.write_text(str(self._mib << 20))
        return self

    def __exit__(self, *_):
        self._group.rmdir()
