"""Options -v and -q before the name of a command."""

import pytest
import typer

from bridge.cli.verbosity import Verbosity, note_verbosity, verbosity


def context(parent=None):
    return typer.Context(typer.core.TyperCommand("x"), parent=parent)


@pytest.mark.parametrize(
    ("given", "level"), [((False, False), "info"), ((True, False), "debug"), ((False, True), "warning")]
)
def test_verbosity_before_a_command_sets_its_log_level(given, level):
    root = context()
    note_verbosity(root, verbose=given[0], quiet=given[1])
    assert verbosity(context(context(root))).log_level("info") == level


def test_verbosity_that_was_not_given_is_the_default():
    assert verbosity(context()) == Verbosity(False, False)


def test_verbosity_of_both_kinds_is_refused():
    with pytest.raises(typer.BadParameter):
        note_verbosity(context(), verbose=True, quiet=True)
