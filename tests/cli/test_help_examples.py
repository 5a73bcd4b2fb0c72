"""Examples in --help: the command line can parse each of them."""

import shlex

import pytest
import typer

from bridge.cli.app import app
from bridge.cli.help_examples import EXAMPLES

ROOT = typer.main.get_command(app)


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


def test_help_examples_exist_for_each_command():
    assert {" ".join(path) for path in commands()} == set(EXAMPLES)


@pytest.mark.parametrize(("name", "line"), [(name, line) for name, lines in EXAMPLES.items() for line in lines])
def test_example_is_a_command_line(name, line):
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
