"""--help with examples that parse, completion by a real shell, and plain output where it is no terminal."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from bridge.cli.app import app
from bridge.cli.examples import EXAMPLES
from tests.cli.setting import set_up

ROOT = typer.main.get_command(app)
PROGRAM = Path(sys.executable).with_name("mqtt-kinesis")


def commands(group=ROOT, path=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


def found(path):
    command = ROOT
    for name in path:
        command = command.commands[name]
    return command


def test_every_command_has_examples_and_there_are_no_others():
    assert {" ".join(path) for path in commands()} == set(EXAMPLES)


@pytest.mark.parametrize(("name", "line"), [(name, line) for name, lines in EXAMPLES.items() for line in lines])
def test_an_example_is_a_command_line(name, line):
    path = name.split()
    words = shlex.split(line)
    assert words[: len(path)] == path
    found(path).make_context(name, words[len(path) :]).close()


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_help_shows_the_examples_without_colour(path):
    with found(path).make_context(" ".join(path), [], resilient_parsing=True) as context:
        shown = found(path).get_help(context)
    assert f"  mqtt-kinesis {EXAMPLES[' '.join(path)][0]}" in shown
    assert "\x1b" not in shown


def completed(folder, *words):
    script = subprocess.run(
        [PROGRAM],
        env={**os.environ, "_MQTT_KINESIS_COMPLETE": "source_bash"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    line = f"""{script}
COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}; _mqtt_kinesis_completion {PROGRAM}
printf '%s\\n' "${{COMPREPLY[@]}}" """
    done = subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.split()


def test_bash_completes_commands(tmp_path):
    assert completed(tmp_path, "mqtt-kinesis", "cov") == ["coverage"]


def test_bash_completes_names_of_mappings_and_streams(tmp_path):
    set_up(tmp_path)
    assert completed(tmp_path, "mqtt-kinesis", "dead-letters", "list", "--mapping", "p") == ["press"]
    assert completed(tmp_path, "mqtt-kinesis", "spool", "export", "--stream", "t") == ["telemetry"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_there_is_a_script_for_other_shells(shell):
    done = subprocess.run(
        [PROGRAM], env={**os.environ, "_MQTT_KINESIS_COMPLETE": f"source_{shell}"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert f"_MQTT_KINESIS_COMPLETE=complete_{shell}" in done.stdout
