import io

import pytest
from rich.console import Console
from rich.text import Text

from bridge.tools.demo import tables
from bridge.tools.demo.scene import SceneRates
from bridge.tools.demo.tables import Column, fitted, outside
from tests.tools.demo.builders import arrived, dead_letter, read_back, snapshot

WIDTHS = [60, 72, 80, 100, 160]


def drawn(table, width):
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=False).print(table)
    return out.getvalue()


@pytest.mark.parametrize("width", WIDTHS)
def test_a_record_is_shown_with_its_shard_and_key_however_narrow_it_is(width):
    read = read_back(arrived(stream="a-stream-with-a-long-name", shard=17, key="press202-y", data=b"x" * 300))
    row = drawn(tables.records(read, 8, width), width).splitlines()[2].split()
    assert row[1:3] == ["17", "press202-y"]
    assert row[3].startswith("xxxxxxxxxxx")


@pytest.mark.parametrize("width", WIDTHS)
def test_the_reason_of_a_dead_letter_is_shown_however_narrow_it_is(width):
    text = drawn(tables.dead_letters(snapshot(dead_letters=(dead_letter(number=12_345),)), 4, width), width)
    assert "12345" in text
    assert "partition_key" in text
    assert "not JSON: [bold" in text


@pytest.mark.parametrize("width", WIDTHS)
def test_the_books_keep_their_main_numbers_whole(width):
    text = drawn(tables.books(snapshot(), SceneRates(), width), width)
    assert "120,345" in text
    assert "120,000" in text


def test_there_is_room_for_every_column_in_a_hundred_characters():
    text = drawn(tables.books(snapshot(), SceneRates(records={("part-counters", "factory-events"): 61.7}), 100), 100)
    assert text.split()[:8] == ["mapping", "stream", "/s", "received", "delivered", "filtered", "dead", "spooled"]
    assert "62" in text
    text = drawn(tables.streams(snapshot(), SceneRates(delivered={"factory-events": 8.0}), read_back(), 100), 100)
    assert "read back  requests  throttled  latency" in text


@pytest.mark.parametrize("width", [30, 40, 60, 100])
def test_a_table_fills_no_more_than_its_width(width):
    columns = (Column("name", least=5), Column("number"), Column("extra", drop=1), Column("more", drop=2))
    rows = [[Text("a" * 50), Text("12,345"), Text("e" * 9), Text("m" * 9)]]
    assert max(map(len, drawn(fitted(columns, rows, width), 200).splitlines())) <= width


def test_the_least_important_column_is_left_out_first():
    columns = (Column("name", least=5), Column("number"), Column("extra", drop=1), Column("more", drop=2))
    rows = [[Text("a" * 50), Text("12,345"), Text("e" * 9), Text("m" * 9)]]
    assert "more" not in drawn(fitted(columns, rows, 30), 30)
    assert "extra" in drawn(fitted(columns, rows, 30), 30)
    assert drawn(fitted(columns, rows, 20), 20).split() == ["name", "number", "aaaaaaaaaaa…", "12,345"]


def test_a_table_without_rows_shows_its_headings():
    assert drawn(fitted((Column("name", least=5), Column("number")), [], 40), 40).split() == ["name", "number"]


def test_what_came_from_outside_cannot_move_the_cursor():
    assert outside("a\x1b[2Jb\nc\u202ed").plain == "a·[2Jb·c·d"
