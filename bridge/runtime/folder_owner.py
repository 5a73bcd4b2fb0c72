"""The rights of the user whose folder a command writes in.

Root may run a command in the folder of the bridge's user while no bridge is running. That user could put a link there,
and root would create or overwrite the file to which the link leads. So root gives up its rights while it writes.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def rights_of_owner(folder: Path) -> Iterator[None]:
    """Act as the owner and group of an existing folder, if this process is root. Files are created as theirs.

    This changes the rights of all threads, so only commands may use it, not a running bridge. Raises OSError.
    """
    status = folder.stat()
    if os.geteuid() != 0 or status.st_uid == 0:
        yield
        return
    groups, group = os.getgroups(), os.getegid()
    try:
        # In this order: only root may change groups.
        os.setgroups([])
        os.setegid(status.st_gid)
        os.seteuid(status.st_uid)
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)
