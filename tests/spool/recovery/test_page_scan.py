"""The scan reads the same rows as SQLite, and reads them even from a damaged file that SQLite cannot read."""

import random
import sqlite3
from contextlib import closing

import pytest

from bridge.spool.recovery.page_scan import PageScan

TABLE = "create table queue(number integer primary key, mapping integer not null, key text not null, data blob, x real)"
PAIRS = "create table pairs(space text, key text, value blob, primary key(space, key)) without rowid"
NUMBERS = (0, 1, -1, 127, -129, 40_000, 1 << 23, -(1 << 31), 1 << 40, -(1 << 62))


def filled(folder, count=3_000):
    """Write a database with several tables whose pages alternate.

    Some rows are longer than a page. A third of the rows is deleted again.
    """
    chance, file = random.Random(7), folder / "some.db"
    with closing(sqlite3.connect(file)) as database:
        database.executescript(f"pragma page_size=4096; pragma auto_vacuum=incremental; {TABLE}; {PAIRS};")
        database.execute("pragma secure_delete=off")
        database.execute(TABLE.replace("queue", "other"))
        for number in range(1, count):
            size = chance.choice((0, 20, 300, 300, 300, 9_000 if number % 50 == 0 else 1))
            row = (number * 7, chance.choice(NUMBERS), chance.choice(("k", "ä" * 80, "")), chance.randbytes(size), 0.5)
            database.execute(f"insert into {chance.choice(('queue', 'other'))} values (?, ?, ?, ?, ?)", row)
            database.execute("insert into pairs values (?, ?, ?)", ("m", f"{number}", chance.randbytes(size)))
        database.execute("delete from queue where number between 3000 and 9000")
        database.execute("delete from other where number % 3 = 0")
        database.execute("delete from pairs where length(key) = 2")
        database.commit()
    return file


def by_sql(file):
    with closing(sqlite3.connect(file)) as database:
        return {row for name in ("queue", "other", "pairs") for row in database.execute(f"select * from {name}")}


def scanned(file):
    with closing(PageScan(file)) as scan:
        return [row for page in scan.pages() for row in page.rows]


def test_page_scan_returns_the_rows_that_sqlite_reads(tmp_path):
    file = filled(tmp_path)
    expected, found = by_sql(file), scanned(file)
    assert len(expected) > 3_000
    assert len(found) == len(set(found))
    assert set(found) == expected


def test_page_scan_without_schema_roots_and_inner_pages_returns_all_rows(tmp_path):
    file = filled(tmp_path)
    expected = {row for row in by_sql(file) if row[0] != "m"}
    content = bytearray(file.read_bytes())
    above = [page for page in range(2, len(content) // 4096) if content[page * 4096] == 0x05]
    assert len(above) >= 2
    for page in (0, *above):
        content[page * 4096 : page * 4096 + 4096] = b"\xff" * 4096
    file.write_bytes(content)
    assert {row for row in scanned(file) if row[0] != "m"} == expected


def test_leaf_page_in_its_tree_has_the_root_of_its_table(tmp_path):
    file = filled(tmp_path)
    with closing(sqlite3.connect(file)) as database:
        roots = dict(database.execute("select name, rootpage from sqlite_master where type = 'table'"))
        in_queue = {number for (number,) in database.execute("select number from queue")}
    with closing(PageScan(file)) as scan:
        checked = 0
        for page in scan.pages():
            found = [row[0] for row in page.rows if len(row) == 5]
            if found:
                table = "queue" if found[0] in in_queue else "other"
                assert scan.root_of(page.number, min(found), max(found)) == roots[table]
                assert scan.root_of(page.number, min(found) - 21_000, max(found) + 21_000) is None
                checked += 1
    assert checked > 50


@pytest.mark.parametrize("seed", range(40))
def test_page_scan_of_garbage_raises_nothing(tmp_path, seed):
    file, chance = filled(tmp_path, 400), random.Random(seed)
    content = bytearray(file.read_bytes())
    for _ in range(60):
        at = chance.randrange(100 if seed % 4 else 0, len(content) - 40)
        content[at : at + chance.randrange(1, 40)] = chance.randbytes(chance.randrange(1, 40))
    file.write_bytes(content)
    assert all(type(row) is tuple for row in scanned(file))


@pytest.mark.parametrize("content", [b"", b"no database", bytes(4096), b"SQLite format 3\0" + bytes(84)])
def test_page_scan_of_a_file_that_is_no_database_has_no_rows(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    assert scanned(tmp_path / "x") == []
