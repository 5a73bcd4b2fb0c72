"""Keys that the user presses during the demo."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class Keyboard:
    """Keyboard of the terminal on standard input. Inside a `with` block, keys need no Enter and are not echoed.

    Without a terminal, or in a background process, `present` is false and `pressed` returns no keys.
    """

    def __init__(self) -> None:
        self.present = False
        self._file = -1
        self._before: list[Any] = []

    def __enter__(self) -> Self:
        try:
            self._file = sys.stdin.fileno()
            # A background process must not change the terminal, because the kernel would stop it (SIGTTOU).
            if os.isatty(self._file) and os.tcgetpgrp(self._file) == os.getpgrp():
                self._before = termios.tcgetattr(self._file)
                tty.setcbreak(self._file, termios.TCSANOW)
                self.present = True
        except (OSError, ValueError, termios.error):
            # Standard input is closed, or is not a file.
            self.present = False
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self.restore()

    def restore(self) -> None:
        """Restore the mode that the terminal had before the demo."""
        if self._before:
            termios.tcsetattr(self._file, termios.TCSANOW, self._before)

    def pressed(self) -> str:
        """Return the keys pressed since the last call, or "" if there are none. Do not block."""
        if not self.present or not select.select([self._file], [], [], 0)[0]:
            return ""
        typed = os.read(self._file, 64)
        self.present = bool(typed)  # no bytes: the terminal was closed
        return typed.decode(errors="replace")
