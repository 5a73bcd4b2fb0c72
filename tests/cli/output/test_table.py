"""Tables of text that fit the window."""

from bridge.cli.output.table import Column, table

COLUMNS = [Column("state", ["ok", "refused"], 9), Column("seldom", ["1", "22"], 1), Column("often", ["3", "4"], 5)]
NAMES = ["a", "a-stream-with-a-very-long-name-indeed"]


def test_without_a_width_all_is_there():
    assert list(table("stream", NAMES, COLUMNS, None)) == [
        "stream                                   state  seldom  often",
        "a                                           ok       1      3",
        "a-stream-with-a-very-long-name-indeed  refused      22      4",
    ]


def test_what_matters_least_is_left_out_first():
    assert list(table("stream", NAMES, COLUMNS, 40)) == [
        "stream                      state  often",
        "a                              ok      3",
        "a-stream-with-a-very-lo…  refused      4",
    ]


def test_nothing_is_wider_than_the_window():
    for width in range(2, 80):
        assert all(len(line) <= width for line in table("stream", NAMES, COLUMNS, width)), width


def test_short_names_leave_room_for_more():
    assert next(table("stream", ["a"], [Column("seldom", ["1"], 1)], 16)) == "stream  seldom"


def test_no_rows_are_no_table():
    assert list(table("worker", [], [Column("state", [], 1)], 80)) == []
