"""The program accepts every command line in the documentation."""

import re
import shlex

import pytest
import typer

from bridge.cli.app import app
from tests.docs.pages import PAGES, ROOT_PAGES, blocks
from tests.docs.walkthrough import commands_of

SHELL_WORDS = {"|", ">", ">>", "<", "&&", ";", "&", "2>", "||"}


def program_calls():
    """Yield the position and the arguments of each call of the program in a console block."""
    for page in [*ROOT_PAGES, *PAGES]:
        for block in blocks(page, "console"):
            for command, _ in commands_of(block.text):
                # A nested command counts as one argument. It is checked separately.
                nested = re.findall(r"\$\(([^()]*)\)", command)
                for text in [re.sub(r"\$\([^()]*\)", "VALUE", command), *nested]:
                    yield from ((str(block), words) for words in calls_in(text.replace("\\\n", " ")))


def calls_in(text):
    lexer = shlex.shlex(text, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words = list(lexer)
    for index, word in enumerate(words):
        if word == "mqtt-kinesis" and (index == 0 or words[index - 1] in SHELL_WORDS | {"sudo", "exec"}):
            end = next((at for at in range(index, len(words)) if words[at] in SHELL_WORDS), len(words))
            yield tuple(words[index + 1 : end])


WITHOUT_COMMAND = {("--version",), ("--install-completion",)}
"""Options of the program itself. They end the program when they are parsed, so they are not parsed here."""
CALLS = sorted(set(program_calls()))


@pytest.mark.parametrize(("where", "words"), CALLS, ids=[f"{where} {' '.join(words)}" for where, words in CALLS])
def test_command_line_is_accepted(where, words):
    command, names = typer.main.get_command(app), list(words)
    while hasattr(command, "commands") and names and not names[0].startswith("-"):
        assert names[0] in command.commands, f"{where}: no command {names[0]}"
        command = command.commands[names.pop(0)]
    if words not in WITHOUT_COMMAND:
        command.make_context(words[0], names).close()
