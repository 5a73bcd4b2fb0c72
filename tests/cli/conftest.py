"""Fixture `command`: runs the command line in this process, because starting a process takes a second."""

import io
import sys
from typing import NamedTuple

import pytest

from bridge.cli import main


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def command(monkeypatch, capsys):
    """Return a function that runs a command in a folder, for example command(folder, "check")."""

    def call(folder, *arguments, stdin=""):
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["mqtt-kinesis", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        return Done(ended.value.code or 0, shown.out, shown.err)

    return call
