"""Runner of commands inside the test process, because the start of a process takes a second.

Tests of the process itself (signals, kills, several processes) start a process instead.
"""

import io
import logging
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from bridge.cli import main


class Done(NamedTuple):
    """Result with the attributes of subprocess.CompletedProcess."""

    returncode: int
    stdout: str
    stderr: str


def called(folder: Path, *arguments: str) -> Done:
    """Run `mqtt-kinesis ARGUMENTS` in a folder, without a terminal and with empty input. Restore logging at the end.

    Every exception except SystemExit is raised, because it would end a process with a traceback.
    """
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    handlers, level = list(logging.root.handlers), logging.root.level
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        patched.setattr(sys, "argv", ["mqtt-kinesis", *map(str, arguments)])
        patched.setattr(sys, "stdin", io.StringIO())
        patched.setattr(sys, "stdout", out)
        patched.setattr(sys, "stderr", err)
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
        finally:
            logging.root.handlers[:], logging.root.level = handlers, level
    assert isinstance(code, int)
    return Done(code, *(each.buffer.getvalue().decode() for each in (out, err)))
