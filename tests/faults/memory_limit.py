"""Memory limit of a process, by a separate control group of version 1 or 2. It needs root.

https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
"""

import os
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


class MemoryLimit:
    """Memory limit. `inside` is a command before another command, which the kernel kills if it needs more memory."""

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
