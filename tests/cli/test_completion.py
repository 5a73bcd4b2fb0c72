"""Shell completion in bash, zsh and fish, with the scripts that the program installs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.builders import set_up
from tests.harness.terminal import Terminal

BIN = Path(sys.executable).parent
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile"], "PS1='ready> '; source ./completion"),
    "zsh": (["zsh", "-f"], "autoload -Uz compinit; compinit -D -u; PS1='ready> '; source ./completion"),
    "fish": (
        ["fish", "--no-config"],
        "set fish_autosuggestion_enabled 0; function fish_prompt; echo 'ready> '; end; source ./completion",
    ),
}
TYPED = {
    "a command": ("mqtt-kinesis cov", "mqtt-kinesis coverage"),
    "an option": ("mqtt-kinesis status --w", "mqtt-kinesis status --watch"),
    "a mapping": ("mqtt-kinesis dead-letters list --mapping p", "list --mapping press"),
    "a stream": ("mqtt-kinesis spool export out --stream t", "--stream telemetry"),
    "a choice": ("mqtt-kinesis schema m", "mqtt-kinesis schema mapping"),
    "a file": ("mqtt-kinesis check --config bri", "--config bridge.yaml"),
    "a folder": ("mqtt-kinesis diff mapp", "mqtt-kinesis diff mappings/"),
}

ONLY_BASH = {"a stream", "a choice", "a folder"}
"""Cases that are tested only in bash. For a shell, they are the same as a mapping, a command and a file."""


@pytest.fixture(scope="module", params=SHELLS)
def shell(request, tmp_path_factory):
    """Start each shell in the folder of a bridge, and load the completion script."""
    folder = tmp_path_factory.mktemp(request.param)
    set_up(folder)
    # Without this folder, fish reads all manual pages of the machine at its start. This takes ten seconds of CPU time.
    (folder / ".local/share/fish/generated_completions").mkdir(parents=True)
    environment = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    environment["XDG_DATA_HOME"] = str(folder / ".local/share")
    command, preparing = SHELLS[request.param]
    assert shutil.which(command[0]), f"{command[0]} is missing: make shells"
    script = subprocess.run(
        ["mqtt-kinesis"],
        env=os.environ | environment | {"_MQTT_KINESIS_COMPLETE": f"source_{request.param}"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    (folder / "completion").write_text(script)
    with Terminal(command, cwd=folder, environment=environment, columns=120, lines=40) as terminal:
        terminal.type(preparing + "\n")
        terminal.wait_for(prompt)
        terminal.name = request.param
        yield terminal


def prompt(lines):
    """Return whether the last line is a prompt."""
    return [line for line in lines if line][-1:] == ["ready>"]


def test_tabulator_completes(shell):
    for what, (typed, expected) in TYPED.items():
        if shell.name == "bash" or what not in ONLY_BASH:
            shell.type(typed + "\t")
            shell.wait_for(expected, timeout_secs=60)
            shell.type("\x15")  # Ctrl-U clears the line
            shell.wait_for(prompt)


def test_tabulator_shows_every_command(shell):
    shell.type("mqtt-kinesis \t\t")  # bash shows several candidates only after the second tabulator
    shell.wait_for(lambda lines: all(any(name in line for line in lines) for name in ("capture", "doctor", "try")))
    shell.type("\x03")
