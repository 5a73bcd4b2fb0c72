"""Memory that one job of the worker process may use."""

from __future__ import annotations

import resource
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

JOB_BYTES: Final = 256 * 1024 * 1024
"""Memory that a job may use in addition to that of the process with its tables and schemas.

Of twenty hostile expressions, none used more than 130 MiB before it reached another limit. The bridge itself will run
the expressions that users try here, and its service has 512 MiB.
"""


@contextmanager
def memory_limit(more: int = JOB_BYTES) -> Iterator[None]:
    """Limit the memory that this process may use in addition to its present memory."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    # The first number is the size of the address space in pages, which is what RLIMIT_AS limits (proc(5),
    # setrlimit(2)).
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + more
    # If the tables are large, the process may already be near the limit.
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
