"""Option `--watch`: run a command again whenever a file changes."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import NoReturn

POLL_SECS: Final = 0.5
"""Seconds between two checks of the files."""


def repeat_on_change(paths: Callable[[], Iterable[Path]], command: Callable[[], object]) -> NoReturn:
    """Call `command` now and after each change of a file. Ctrl-C ends the loop with KeyboardInterrupt.

    `paths` returns the files and folders to watch. In a folder, all files at any depth are watched.
    """
    pause = threading.Event()
    while True:
        # Read the signatures before the command, so that a change during the command causes another run.
        before = _signatures(paths())
        command()
        sys.stdout.flush()
        while _signatures(paths()) == before:
            pause.wait(POLL_SECS)
        print(f"--- {time.strftime('%H:%M:%S')} changed", flush=True)


def _signatures(paths: Iterable[Path]) -> dict[str, tuple[int, int, int]]:
    found = {}
    for path in paths:
        # Unlike `rglob`, `walk` ignores a folder that is deleted while it is listed.
        files = (Path(folder, name) for folder, folders, names in os.walk(path) for name in (*folders, *names))
        for file in (path, *files):
            try:
                about = file.stat()
            except OSError:
                # The file was deleted after its folder was listed, or it does not exist yet.
                continue
            # Include the inode. Some editors and `git checkout` replace a file by a new file with the same time and
            # size.
            found[str(file)] = (about.st_mtime_ns, about.st_size, about.st_ino)
    return found
