"""Memory that one job of the worker process may use."""

from __future__ import annotations

import resource
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

JOB_BYTES: Final = 256 * 1024 * 1024
"""Memory that a job may use in addition to the memory of the process with its tables and schemas.

Twenty hostile expressions were measured. None of them used more than 130 MiB before it reached another limit. The
limit must not be much larger: the bridge later runs the same expressions, and its service has only 512 MiB.
"""


@contextmanager
def memory_limit(more: int = JOB_BYTES) -> Iterator[None]:
    """Limit the memory of this process to its current memory and `more` bytes, until the `with` block ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    # The first number is the size of the address space in pages. RLIMIT_AS limits the same size (proc(5),
    # setrlimit(2)).
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + more
    # The new limit must not exceed the hard limit. Large tables may already use most of the hard limit.
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
