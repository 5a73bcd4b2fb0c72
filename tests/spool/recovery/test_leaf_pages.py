"""Rows as SQLite itself reads them, from a file that it cannot read any more."""

import random
import sqlite3
from contextlib import closing

import pytest

from bridge.spool.recovery.leaf_pages import LeafPages

TABLE = "create table queue(number integer primary key, mapping integer not null, key text not null, data blob, x real)"
NUMBERS = (0, 1, -1, 127, -129, 40_000, 1 << 23, -(1 << 31), 1 << 40, -(1 << 62))


def filled(folder, count=3_000, page_bytes=4096):
    """Two tables whose rows lie between one another, some of them longer than a page; every third is deleted again."""
    chance, file = random.Random(7), folder / "some.db"
    with closing(sqlite3.connect(file)) as database:
        database.executescript(f"pragma page_size={page_bytes}; pragma auto_vacuum=incremental; {TABLE};")
        database.execute(TABLE.replace("queue", "other"))
        for number in range(1, count):
            size = chance.choice((0, 20, 300, 300, 300, 9_000 if number % 50 == 0 else 1))
            row = (number * 7, chance.choice(NUMBERS), chance.choice(("k", "ä" * 80, "")), chance.randbytes(size), 0.5)
            database.execute(f"insert into {chance.choice(('queue', 'other'))} values (?, ?, ?, ?, ?)", row)
        database.execute("delete from queue where number between 3000 and 9000")
        database.execute("delete from other where number % 3 = 0")
        database.commit()
    return file


def by_sql(file):
    """{root: {number: row}}"""
    with closing(sqlite3.connect(file)) as database:
        roots = dict(database.execute("select name, rootpage from sqlite_master where type = 'table'"))
        return {
            root: {row[0]: row for row in database.execute(f"select * from {name}")} for name, root in roots.items()
        }


def all_rows(file, root):
    with closing(LeafPages(file)) as leaves:
        bounds = leaves.bounds(root)
        return leaves.rows(root, *bounds) if bounds else {}


@pytest.mark.parametrize("page_bytes", [512, 4096, 65_536])
def test_rows_of_each_table_are_those_that_sqlite_reads(tmp_path, page_bytes):
    file = filled(tmp_path, page_bytes=page_bytes)
    for root, rows in by_sql(file).items():
        assert len(rows) > 500
        assert all_rows(file, root) == rows


def test_range_is_given(tmp_path):
    file = filled(tmp_path)
    root, rows = next(iter(by_sql(file).items()))
    with closing(LeafPages(file)) as leaves:
        assert leaves.bounds(root) == (min(rows), max(rows))
        assert leaves.rows(root, 700, 2_100) == {number: row for number, row in rows.items() if 700 <= number <= 2_100}
        assert leaves.bounds(2) is None


def test_records_are_salvaged_without_roots_and_inner_pages(tmp_path):
    file = filled(tmp_path)
    rows = by_sql(file)
    content = bytearray(file.read_bytes())
    above = [page for page in range(2, len(content) // 4096) if content[page * 4096] == 0x05]
    assert len(above) >= 2
    for page in above:
        content[page * 4096 : page * 4096 + 4096] = b"\xff" * 4096
    file.write_bytes(content)
    assert {root: all_rows(file, root) for root in rows} == rows


@pytest.mark.parametrize("seed", range(40))
def test_garbage_ends_in_no_row_and_never_in_an_error(tmp_path, seed):
    file, chance = filled(tmp_path, 400, 512), random.Random(seed)
    roots = by_sql(file)
    content = bytearray(file.read_bytes())
    for _ in range(60):
        at = chance.randrange(100 if seed % 4 else 0, len(content) - 40)
        content[at : at + chance.randrange(1, 40)] = chance.randbytes(chance.randrange(1, 40))
    file.write_bytes(content)
    for root in roots:
        assert all(type(number) is int for number in all_rows(file, root))


@pytest.mark.parametrize("content", [b"", b"no database", bytes(4096), b"SQLite format 3\0" + bytes(84)])
def test_what_is_no_database_has_no_rows(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    assert all_rows(tmp_path / "x", 2) == {}
