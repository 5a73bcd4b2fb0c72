"""Process group of a peer, which is measured and ended as a unit."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from tests.harness.bridge_process import ROOT, TICKS_PER_SEC

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Running:
    """Peer that is not started yet. The output of all runs is appended to `FOLDER/output.log`."""

    def __init__(self, command: list[str], environment: dict[str, str], folder: Path) -> None:
        self._command, self._environment = command, environment
        self.log_file = folder / "output.log"
        self._process: subprocess.Popen | None = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._process:
            self.kill()

    def start(self) -> None:
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self) -> None:
        """Kill the group by SIGKILL."""
        with contextlib.suppress(ProcessLookupError):
            self.signal(signal.SIGKILL)
        self._process.wait(30)

    def signal(self, number: int) -> None:
        os.killpg(self._process.pid, number)

    def check(self) -> None:
        """Raise AssertionError with the last output if the peer has ended."""
        assert self._process.poll() is None, f"{self._command[0]} has ended:\n{self.log()[-2000:]}"

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    @property
    def cpu_secs(self) -> float:
        """CPU time (user and system) of the group so far: proc(5), /proc/pid/stat."""
        return sum(int(fields[11]) + int(fields[12]) for fields in self._stats()) / TICKS_PER_SEC

    @property
    def rss_bytes(self) -> int:
        return sum(int(fields[21]) for fields in self._stats()) * _PAGE_BYTES

    def _stats(self) -> list[list[str]]:
        """Yield the fields after the name in the line of each process. The third field is the process group."""
        found = []
        for file in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):  # the process may have ended
                fields = file.read_text().rpartition(")")[2].split()
                if int(fields[2]) == self._process.pid:
                    found.append(fields)
        return found

    def idle(self, *, timeout_secs: float = 30) -> None:
        """Wait until the peer uses hardly any CPU for a second. CPU time after that is for messages."""
        deadline = time.monotonic() + timeout_secs
        before, since = self.cpu_secs, time.monotonic()
        while time.monotonic() - since < 1:
            self.check()
            assert time.monotonic() < deadline, f"{self._command[0]} is never idle"
            time.sleep(0.1)
            if self.cpu_secs - before > 0.05:
                before, since = self.cpu_secs, time.monotonic()
