import sqlite3

import pytest

from bridge.errors import SpoolCorrupt, SpoolUnwritable
from bridge.spool import schema


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
        (sqlite_error(sqlite3.OperationalError, "SQLITE_FULL", "database or disk is full"), SpoolUnwritable),
        (sqlite_error(sqlite3.OperationalError, "SQLITE_IOERR_FSYNC", "disk I/O error"), SpoolUnwritable),
        (sqlite_error(sqlite3.OperationalError, "SQLITE_READONLY", "readonly"), SpoolUnwritable),
        (sqlite_error(sqlite3.OperationalError, "SQLITE_BUSY", "database is locked"), SpoolUnwritable),
    ],
)
def test_what_an_sqlite_error_means(tmp_path, error, means):
    failure = schema.translated(error, tmp_path / "spool.db")
    assert type(failure) is means
    assert str(tmp_path / "spool.db") in str(failure)


def test_the_format_is_marked_in_the_transaction_that_makes_the_tables(tmp_path):
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


def test_a_reader_cannot_write(tmp_path):
    schema.connect(tmp_path / "spool.db").close()
    reader = schema.reader(tmp_path / "spool.db")
    with pytest.raises(sqlite3.OperationalError):
        reader.execute("delete from meta")
    reader.close()


def test_a_spool_without_its_tables_is_corrupt_or_unwritable(tmp_path):
    schema.connect(tmp_path / "spool.db").close()
    database = sqlite3.connect(tmp_path / "spool.db")
    database.execute("drop table streams")
    database.close()
    with pytest.raises(SpoolCorrupt):
        schema.connect(tmp_path / "spool.db")
