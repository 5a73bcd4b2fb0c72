import sqlite3

import pytest

from bridge.errors import SpoolCorrupt, SpoolWriteError
from bridge.spool.database import database_file
from bridge.spool.database.tables import META, DamagedRow


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
        (DamagedRow("a damaged row in table meta"), SpoolCorrupt),
        (sqlite_error(sqlite3.OperationalError, "SQLITE_OK", "Could not decode to UTF-8 column 'name'"), SpoolCorrupt),
        (sqlite_error(sqlite3.DataError, "SQLITE_TOOBIG", "string or blob too big"), SpoolCorrupt),
        (sqlite_error(sqlite3.OperationalError, "SQLITE_ERROR", "unsupported file format"), SpoolCorrupt),
        (sqlite_error(sqlite3.OperationalError, "SQLITE_FULL", "database or disk is full"), SpoolWriteError),
        (sqlite_error(sqlite3.OperationalError, "SQLITE_IOERR_FSYNC", "disk I/O error"), SpoolWriteError),
        (sqlite_error(sqlite3.OperationalError, "SQLITE_READONLY", "readonly"), SpoolWriteError),
        (sqlite_error(sqlite3.OperationalError, "SQLITE_BUSY", "database is locked"), SpoolWriteError),
    ],
)
def test_sqlite_error_becomes_a_spool_error(tmp_path, error, means):
    failure = database_file.to_spool_error(error, tmp_path / "spool.db")
    assert type(failure) is means
    assert str(tmp_path / "spool.db") in str(failure)


def test_format_is_marked_in_the_transaction_that_makes_the_tables(tmp_path):
    database = sqlite3.connect(tmp_path / "spool.db", isolation_level=None)
    statements = []
    database.set_trace_callback(statements.append)
    database_file._create(database)
    database.close()
    order = [text.strip().lower() for text in statements]
    begin, commit = order.index("begin immediate;"), order.index("commit;")
    marks = [place for place, text in enumerate(order) if "application_id" in text or "user_version" in text]
    assert len(marks) == 2
    assert begin < min(marks) <= max(marks) < commit


def test_reader_cannot_write(tmp_path):
    database_file.connect_writer(tmp_path / "spool.db").close()
    reader = database_file.connect_reader(tmp_path / "spool.db")
    with pytest.raises(sqlite3.OperationalError):
        reader.execute("delete from meta")
    reader.close()


def test_spool_without_its_tables_is_corrupt_or_unwritable(tmp_path):
    database_file.connect_writer(tmp_path / "spool.db").close()
    database = sqlite3.connect(tmp_path / "spool.db")
    database.execute("drop table streams")
    database.close()
    with pytest.raises(SpoolCorrupt):
        database_file.connect_writer(tmp_path / "spool.db")


def with_format(folder, user_version, noted):
    database_file.connect_writer(folder / "spool.db").close()
    database = sqlite3.connect(folder / "spool.db", isolation_level=None)
    database.execute(f"pragma user_version={user_version}")
    database.execute("delete from meta where key = 'format'")
    if noted:
        META.write(database, [("format", noted)])
    database.close()


@pytest.mark.parametrize(
    ("version", "noted", "means", "words"),
    [
        (
            database_file.VERSION + 1,
            f"{database_file.VERSION + 1}",
            SpoolWriteError,
            "written by a newer version of this program",
        ),
        (3, "", SpoolWriteError, "written before version 0.1.0"),
        (database_file.VERSION + 1, f"{database_file.VERSION}", SpoolCorrupt, "is damaged: its format is stored as"),
        (database_file.VERSION, "", SpoolCorrupt, "is damaged: its format is stored as"),
        (0, f"{database_file.VERSION}", SpoolCorrupt, "is damaged: its format is stored as"),
    ],
)
def test_spool_of_another_format_is_refused_or_damaged(tmp_path, version, noted, means, words):
    with_format(tmp_path, version, noted)
    with pytest.raises(means, match=words):
        database_file.connect_writer(tmp_path / "spool.db")
