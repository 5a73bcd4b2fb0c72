import re

import pytest

from bridge.cli.app import COMMANDS
from bridge.cli.help_groups import first_sentence
from tests.harness.cli_runner import called


def lists(tmp_path, *arguments):
    """Return the lines of a help text by the heading above them."""
    sections = re.split(r"^(\w[\w ]*):$", called(tmp_path, *arguments).stdout, flags=re.MULTILINE)[1:]
    return dict(zip(sections[::2], sections[1::2], strict=True))


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_lists_every_command_in_its_group(tmp_path, option):
    shown = lists(tmp_path, option)
    for group, commands in COMMANDS.items():
        assert re.findall(r"^  (\S+)", shown[group], re.MULTILINE)[: len(commands)] == list(commands)
    assert "dead-letters" in shown["Operate"]


def test_help_shows_complete_first_sentences(tmp_path):
    assert "..." not in called(tmp_path, "--help").stdout.partition("Set up:")[2]
    assert "..." not in "".join(lists(tmp_path, "dead-letters", "--help")["Commands"])


@pytest.mark.parametrize("command", ["check", "capture", "dead-letters replay", "schema"])
def test_help_names_arguments_by_words_without_python_types(tmp_path, command):
    arguments = lists(tmp_path, *command.split(), "--help")["Arguments"]
    assert re.match(r"\n  [A-Z]+  |\n  mapping\|bridge  ", arguments), arguments


def test_first_sentence_ends_before_its_full_stop():
    assert first_sentence("Run it until\n    Ctrl-C. SIGHUP reloads.\n\nMore.") == "Run it until Ctrl-C"
    assert first_sentence("Show bridge.yaml.") == "Show bridge.yaml"


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_version_is_printed_by_its_long_and_short_option(tmp_path, option):
    assert re.fullmatch(r"mqtt-kinesis \d+\.\d+\.\d+\n", called(tmp_path, option).stdout)
