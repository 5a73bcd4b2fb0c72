"""Acting with the rights of the user who owns a folder.

While no bridge is running, root may run a command that writes into the spool's folder. This folder belongs to the
bridge's user, who could create a link in it. Root would then overwrite the file to which the link points. Therefore,
a process of root gives up its rights while it writes.
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
    """If this process is root, act as the owner and group of an existing folder.

    New files then belong to this user and group.

    The change affects all threads. So a running bridge must not use this function. Raises OSError.
    """
    status = folder.stat()
    if os.geteuid() != 0 or status.st_uid == 0:
        yield
        return
    groups, group = os.getgroups(), os.getegid()
    try:
        # Change the user last, because only root may change groups.
        os.setgroups([])
        os.setegid(status.st_gid)
        os.seteuid(status.st_uid)
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)
