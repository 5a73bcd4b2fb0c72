"""A program that runs on a terminal in memory, with its output and the resulting screen.

with Terminal(["mqtt-kinesis", "status", "--watch"], columns=80, lines=24) as terminal:
    terminal.wait_for("backlog")
    terminal.resize(120, 40)
    terminal.type("\\x03")
"""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import pyte


class Terminal:
    """Controlling terminal of a child process, so that the child receives Ctrl-C and resizes as signals."""

    def __init__(self, command, *, columns=80, lines=24, cwd=None, environment=None) -> None:
        self.written = b""
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self._command = command
        self._cwd = cwd
        self._environment = {**os.environ, "TERM": "xterm-256color", **(environment or {})}
        for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
            if name not in (environment or {}):
                self._environment.pop(name, None)
        self._leader, self._follower = pty.openpty()
        self._set_size()

    def __enter__(self):
        self.process = subprocess.Popen(
            self._command,
            cwd=self._cwd,
            env=self._environment,
            stdin=self._follower,
            stdout=self._follower,
            stderr=self._follower,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - the child has one thread yet
        )
        os.close(self._follower)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._leader)

    def _set_size(self):
        size = struct.pack("HHHH", self.screen.lines, self.screen.columns, 0, 0)
        fcntl.ioctl(self._leader, termios.TIOCSWINSZ, size)

    def resize(self, columns, lines):
        """Change the size of the terminal."""
        self.screen.resize(lines, columns)
        self._set_size()
        os.killpg(self.process.pid, signal.SIGWINCH)

    def type(self, text):
        os.write(self._leader, text.encode())

    @property
    def shown(self):
        """Lines of the screen, without trailing blanks."""
        return [line.rstrip() for line in self.screen.display]

    def read(self, secs=0.05):
        """Wait for output, and show it on the screen. Return False if the output has ended."""
        if not select.select([self._leader], [], [], secs)[0]:
            return True
        try:
            data = os.read(self._leader, 65_536)
        except OSError:  # Linux raises it when no process has the other end open
            return False
        self.written += data
        self._stream.feed(data)
        return bool(data)

    def wait_for(self, found, *, timeout_secs=30):
        """Wait until the text `found` is on the screen, or until `found(lines)` is true."""
        deadline = time.monotonic() + timeout_secs
        condition = found if callable(found) else lambda lines: any(found in line for line in lines)
        while not condition(self.shown):
            going = self.read()
            assert going or condition(self.shown), f"it ended without {found!r}:\n" + "\n".join(self.shown)
            assert time.monotonic() < deadline, f"no {found!r}:\n" + "\n".join(self.shown)

    def wait(self, *, timeout_secs=30):
        """Wait until the program ends. Return its exit code."""
        deadline = time.monotonic() + timeout_secs
        while self.read():
            assert time.monotonic() < deadline, "it has not ended:\n" + "\n".join(self.shown)
        return self.process.wait(timeout_secs)
