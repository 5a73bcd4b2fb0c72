import sqlite3

import pytest

from bridge.errors import SpoolCorrupt, SpoolWriteError
from bridge.spool.database import schema
from bridge.spool.read_only import check_ledger
from tests.spool.builders import data_of, opened, take_all


def sqlite_error(kind, name, text):
    error = kind(text)
    error.sqlite_errorname = name
    return error


@pytest.mark.parametrize(
    ("error", "means"),
    [
        (sqlite_error(sqlite3.DatabaseError, "SQLITE_CORRUPT", "database disk image is malformed"), SpoolCorrupt),
        (sqlite_error(sqlite3.DatabaseError, "SQLITE_CORRUPT_INDEX", "x"), SpoolCorrupt),
        (sqlite_error(sqlite3.DatabaseError, "SQLITE_NOTADB", "file is not a database"), SpoolCorrupt),
        (sqlite3.DatabaseError("database disk image is malformed"), SpoolCorrupt),
        (sqlite_error(sqlite3.OperationalError, "SQLITE_ERROR", "unsupported file format"), SpoolCorrupt),
        (sqlite_error(sqlite3.OperationalError, "SQLITE_FULL", "database or disk is full"), SpoolWriteError),
        (sqlite_error(sqlite3.OperationalError, "SQLITE_IOERR_FSYNC", "disk I/O error"), SpoolWriteError),
        (sqlite_error(sqlite3.OperationalError, "SQLITE_READONLY", "readonly"), SpoolWriteError),
        (sqlite_error(sqlite3.OperationalError, "SQLITE_BUSY", "database is locked"), SpoolWriteError),
    ],
)
def test_what_an_sqlite_error_means(tmp_path, error, means):
    failure = schema.to_spool_error(error, tmp_path / "spool.db")
    assert type(failure) is means
    assert str(tmp_path / "spool.db") in str(failure)


def test_format_is_marked_in_the_transaction_that_makes_the_tables(tmp_path):
    database = sqlite3.connect(tmp_path / "spool.db", isolation_level=None)
    statements = []
    database.set_trace_callback(statements.append)
    schema._create(database)
    database.close()
    order = [text.strip().lower() for text in statements]
    begin, commit = order.index("begin immediate;"), order.index("commit;")
    marks = [place for place, text in enumerate(order) if "application_id" in text or "user_version" in text]
    assert len(marks) == 2
    assert begin < min(marks) <= max(marks) < commit


def test_reader_cannot_write(tmp_path):
    schema.connect(tmp_path / "spool.db").close()
    reader = schema.reader(tmp_path / "spool.db")
    with pytest.raises(sqlite3.OperationalError):
        reader.execute("delete from meta")
    reader.close()


def test_spool_without_its_tables_is_corrupt_or_unwritable(tmp_path):
    schema.connect(tmp_path / "spool.db").close()
    database = sqlite3.connect(tmp_path / "spool.db")
    database.execute("drop table streams")
    database.close()
    with pytest.raises(SpoolCorrupt):
        schema.connect(tmp_path / "spool.db")


FORMAT_1 = """
create table meta(key text primary key, value text not null) without rowid;
create table mappings(number integer primary key, name text not null unique);
create table streams(number integer primary key, name text not null unique, next integer not null);
create table ledger(
    mapping integer not null, stream integer not null,
    received integer not null, delivered integer not null, filtered integer not null,
    dead_lettered integer not null, dropped integer not null, spooled integer not null,
    primary key(mapping, stream)) without rowid;
create table dead_letters(
    number integer primary key autoincrement, kind text not null, mapping text not null, streams text not null,
    item integer, code text not null, detail text not null, topic text not null, payload blob not null,
    total_bytes integer not null, qos integer not null, retain integer not null, received_at_ms integer not null,
    properties text not null, key text);
create table unreleased(packet integer primary key);
create table state(space text not null, key text not null, value blob not null, primary key(space, key)) without rowid;
create table queue_1(number integer primary key, mapping integer not null, key text not null, data blob not null);
insert into mappings values (1, 'm');
insert into streams values (1, 'press', 3);
insert into ledger values (1, 1, 5, 2, 1, 0, 0, 2);
insert into queue_1 values (1, 1, 'k', 'one'), (2, 1, 'k', 'two');
"""


def old_spool(folder, version=1):
    database = sqlite3.connect(folder / "spool.db")
    database.executescript(f"{FORMAT_1} pragma user_version={version}; pragma application_id={schema.APPLICATION_ID};")
    database.close()


def test_spool_of_an_older_version_opens_with_all_that_is_in_it(tmp_path):
    old_spool(tmp_path)
    with pytest.raises(sqlite3.OperationalError):
        schema.reader(tmp_path / "spool.db").execute("select replayed from ledger")
    spool = opened(tmp_path)
    assert data_of(take_all(spool)) == ["one", "two"]
    [row] = spool.ledger_rows()
    assert row.balanced
    assert (row.received, row.spooled, row.replayed) == (5, 2, 0)
    spool.close()
    assert sqlite3.connect(tmp_path / "spool.db").execute("pragma user_version").fetchone() == (schema.VERSION,)


def test_ledger_of_an_older_version_can_be_read_before_it_is_opened(tmp_path):
    old_spool(tmp_path)
    assert check_ledger(tmp_path).rows[0].received == 5


def test_spool_of_a_newer_version_is_left_alone_with_what_to_do(tmp_path):
    old_spool(tmp_path, version=schema.VERSION + 1)
    with pytest.raises(SpoolWriteError, match="newer version"):
        opened(tmp_path)


def test_migration_that_fails_changes_nothing(tmp_path, monkeypatch):
    old_spool(tmp_path)
    broken = "alter table ledger add column replayed integer not null default 0; alter table none add column x;"
    monkeypatch.setitem(schema._MIGRATIONS, 1, broken)
    with pytest.raises((SpoolCorrupt, SpoolWriteError)):
        schema.connect(tmp_path / "spool.db")
    database = sqlite3.connect(tmp_path / "spool.db")
    assert database.execute("pragma user_version").fetchone() == (1,)
    assert "replayed" not in [row[1] for row in database.execute("pragma table_info(ledger)")]
