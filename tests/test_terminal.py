"""Colours of output: only the matched parts, and only on a terminal."""

import io
from contextlib import redirect_stderr, redirect_stdout

import pytest

from bridge.terminal import BAD, GOOD, Column, print_coloured, print_error, table

COLUMNS = [Column("state", ["ok", "refused"], 9), Column("seldom", ["1", "22"], 1), Column("often", ["3", "4"], 5)]
NAMES = ["a", "a-stream-with-a-very-long-name-indeed"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


def shown(function, *arguments):
    """Return the output on a terminal."""
    with redirect_stdout(Terminal()) as terminal, redirect_stderr(terminal):
        function(*arguments)
    return terminal.getvalue()


def test_patterns_are_looked_for_line_by_line():
    told = shown(print_coloured, "ok a\nbad b\nok c", {"^ok": GOOD, "^bad.*$": BAD})
    assert told == "\x1b[32mok\x1b[0m a\n\x1b[31mbad b\x1b[0m\n\x1b[32mok\x1b[0m c\n"


def test_back_references_in_the_text_are_only_text():
    assert shown(print_coloured, r"bad \1 \g<0>", {"^bad.*$": BAD}) == "\x1b[31mbad \\1 \\g<0>\x1b[0m\n"


def test_complaint_begins_with_what_it_is_about():
    told = shown(print_error, "mappings/press.yaml:3:1: topic: missing")
    assert told == "\x1b[31mmappings/press.yaml:3:1\x1b[0m: topic: missing\n"


def test_output_that_is_no_terminal_has_no_colours(capsys):
    print_coloured("bad", {"bad": BAD})
    print_error("a: b")
    assert capsys.readouterr() == ("bad\n", "a: b\n")


def test_table_without_a_width_has_all_columns():
    assert list(table("stream", NAMES, COLUMNS, None)) == [
        "stream                                   state  seldom  often",
        "a                                           ok       1      3",
        "a-stream-with-a-very-long-name-indeed  refused      22      4",
    ]


def test_table_omits_the_column_of_the_least_weight_first():
    assert list(table("stream", NAMES, COLUMNS, 40)) == [
        "stream                      state  often",
        "a                              ok      3",
        "a-stream-with-a-very-lo…  refused      4",
    ]


def test_table_is_never_wider_than_the_width():
    for width in range(2, 80):
        assert all(len(line) <= width for line in table("stream", NAMES, COLUMNS, width)), width


def test_table_with_short_names_has_room_for_more_columns():
    assert next(table("stream", ["a"], [Column("seldom", ["1"], 1)], 16)) == "stream  seldom"


def test_table_without_rows_is_empty():
    assert list(table("worker", [], [Column("state", [], 1)], 80)) == []
