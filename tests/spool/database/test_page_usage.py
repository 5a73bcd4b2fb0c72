import sqlite3

import pytest

from bridge.spool.database import database_file, page_usage
from bridge.spool.database.page_usage import PageUsage

ROWS = 2000


@pytest.fixture
def database(tmp_path):
    database = sqlite3.connect(tmp_path / "spool.db", isolation_level=None)
    database.execute("pragma auto_vacuum=incremental")
    database.execute("create table records (number integer primary key, data blob)")
    database.executemany("insert into records values (?, zeroblob(3000))", [(number,) for number in range(ROWS)])
    yield database
    database.close()


@pytest.fixture(autouse=True)
def small_reserve(monkeypatch):
    monkeypatch.setattr(page_usage, "_FREE_PAGES_KEPT", 10)


def free_pages(database):
    return database.execute("pragma freelist_count").fetchone()[0]


def test_vacuum_step_moves_no_records_while_most_pages_are_used(tmp_path, database):
    pages = PageUsage(tmp_path / "spool.db", database)
    database.execute("delete from records where number < ?", (ROWS * 2 // 3,))
    free = free_pages(database)
    assert not pages.vacuum_step(database)
    assert free_pages(database) == free > 1000
    assert not pages.vacuuming


def test_vacuum_step_continues_until_the_reserve_is_left(tmp_path, database):
    pages = PageUsage(tmp_path / "spool.db", database)
    database.execute("delete from records where number < ?", (ROWS * 9 // 10,))
    steps = 1
    while not pages.vacuum_step(database):
        assert pages.vacuuming
        steps += 1
    assert steps > 2
    assert free_pages(database) <= 10
    assert not pages.vacuuming


def test_used_bytes_leave_out_free_pages(tmp_path, database):
    pages = PageUsage(tmp_path / "spool.db", database)
    before = pages.used_bytes(database)
    database.execute("delete from records where number < ?", (ROWS // 2,))
    assert 0.4 * before < pages.used_bytes(database) < 0.6 * before


def test_connection_writes_no_zeros_over_deleted_pages(tmp_path):
    opened = database_file.connect_writer(tmp_path / "spool.db")
    assert opened.execute("pragma secure_delete").fetchone()[0] == 2
    opened.close()
