import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model import Record
from bridge.spool.database.tables import (
    LEDGER,
    META,
    STATE,
    TABLES,
    UNRELEASED,
    DamagedRow,
    flat_record_rows,
    is_intact_record,
    queue_sql,
    record_rows,
)

KEYS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
RECORDS = st.lists(st.tuples(st.integers(1, 5), KEYS, st.binary(max_size=50)), min_size=1, max_size=70)


def records_of(values, first=1):
    return [Record(number, *value) for number, value in enumerate(values, first)]


@given(RECORDS, st.integers(1, 1 << 40))
def test_flat_record_rows_are_the_record_rows(values, first):
    records = records_of(values, first)
    flat = flat_record_rows(3, records)
    assert flat == [value for row in record_rows(3, records) for value in row]


@given(RECORDS, st.data())
def test_whole_record_with_any_changed_column_is_none(values, data):
    row = data.draw(st.sampled_from(record_rows(3, records_of(values))))
    assert is_intact_record(3, row)
    assert not is_intact_record(4, row)
    place = data.draw(st.integers(0, 4))
    other = data.draw(st.one_of(st.integers(), st.binary(), st.none(), KEYS).filter(lambda each: each != row[place]))
    assert not is_intact_record(3, [*row[:place], other, *row[place + 1 :]])


@pytest.mark.parametrize(
    ("table", "row", "others"),
    [
        (META, ("a", "ä"), [("a", "b"), ("aä", ""), ("a", b"\xc3\xa4"), (b"a", "ä"), ("a", None)]),
        (
            STATE,
            ("m", "k", b"1", 5),
            [("m", "k", "1", 5), ("m", "k1", b"", 5), ("m", "k", b"1", 6)],
        ),
        (UNRELEASED, (7,), [(8,), ("7",), (None,), (b"7",)]),
        (LEDGER, tuple(range(14)), [(*range(13), 14), (*range(13), "13")]),
    ],
)
def test_row_with_any_changed_value_is_damaged(table, row, others):
    *_, row_hash = table.row(*row)
    assert table.checked((*row, row_hash)) == row
    for other in others:
        with pytest.raises(DamagedRow, match=f"a damaged row in table {table.name}"):
            table.checked((*other, row_hash))


def test_row_of_one_table_is_none_of_another():
    row = META.row("a", "b")
    assert [table.name for table in TABLES if table.is_intact(row)] == ["meta"]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_written_rows_are_read_and_replaced_by_their_key(table):
    kinds = list(table.columns.values())
    row = tuple(b"\x00\xff" if "blob" in kind else 7 if "integer" in kind else "ä" for kind in kinds)
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(table.sql)
        table.write(database, [row])
        assert list(table.read(database)) == [row]
        if "primary key" in table.sql and table.name != "dead_letters":
            table.write(database, [row])
            assert len(list(table.read(database))) == 1


def test_queue_table_takes_the_rows_of_its_records():
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(queue_sql(3))
        database.executemany("insert into queue_3 values (?, ?, ?, ?, ?)", record_rows(3, [Record(1, 1, "k", b"d")]))
        [row] = database.execute("select * from queue_3")
    assert is_intact_record(3, row)
