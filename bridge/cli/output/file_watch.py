"""Repetition of a command whenever a file changes, for `--watch`."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import NoReturn

POLL_SECS: Final = 0.5


def repeat_on_change(paths: Callable[[], Iterable[Path]], command: Callable[[], object]) -> NoReturn:
    """Call `command`, and again after each change of a file, until Ctrl-C (KeyboardInterrupt).

    `paths` returns files and folders; of a folder, all files below it are watched.
    """
    pause = threading.Event()
    while True:
        before = _signatures(paths())
        command()
        sys.stdout.flush()
        while _signatures(paths()) == before:
            pause.wait(POLL_SECS)
        print(f"--- {time.strftime('%H:%M:%S')} changed", flush=True)


def _signatures(paths: Iterable[Path]) -> dict[str, tuple[int, int, int]]:
    found = {}
    for path in paths:
        for file in (path, *(path.rglob("*") if path.is_dir() else ())):
            try:
                about = os.stat(file)  # noqa: PTH116 - a file that has been deleted in between is left out
            except OSError:
                continue
            # The inode shows a replaced file whose time and size are unchanged, as some editors and `git checkout`
            # leave it.
            found[str(file)] = (about.st_mtime_ns, about.st_size, about.st_ino)
    return found
