"""Connections to the database file, and checks that reject a damaged file or a file that is not a spool."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from bridge.errors import SpoolCorrupt, SpoolWriteError
from bridge.spool.database.tables import META, TABLES, DamagedRow, queue_sql
from bridge.spool.database.write_ahead_log import PAGE_BYTES, WriteAheadLog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APPLICATION_ID = 0x4D514B53  # "MQKS" in ASCII. The program `file` shows this number.
SQLITE_VERSION = sqlite3.sqlite_version
"""Version of the SQLite library in use."""
VERSION = 5
"""Version of the format of the tables. It is stored in the pragma `user_version` and in the table `meta`.

If the two stored values differ, the file is damaged.
"""
_FORMAT = "format"
# Number of pages in the write-ahead log at which SQLite runs an automatic checkpoint.
WAL_PAGES = 2000
# Size in bytes to which SQLite truncates the log file after a checkpoint.
WAL_LIMIT_BYTES = 16 * 1024 * 1024

# Number of bytes that `resync_wal` copies at once. This bounds the memory.
_COPIED_BYTES = 1024 * 1024
# First 16 bytes of every SQLite database (https://www.sqlite.org/fileformat2.html#magic_header_string).
_MAGIC = b"SQLite format 3\0"
# Number of bytes to check at the beginning of the file: 16 for the magic string, 2 for the page size, and 1 for each of
# two version numbers.
_HEAD_BYTES = 20
# Valid values of bytes 18 and 19, the write version and read version of the file format. SQLite opens a file with a
# higher write version as read-only, and does not report damage.
_VERSIONS = frozenset({1, 2})


def reject_truncated_database(file: Path, *, used: bool = False) -> None:
    """Raise SpoolCorrupt for an empty or zeroed file, which a power failure can cause.

    SQLite would consider such a file a new database, overwrite it, and delete its write-ahead log.

    `used` is true if a spool was opened in this folder before. Then an empty file is rejected even if no log exists.
    Raises SpoolWriteError if the file cannot be read.

    The file must not be open in this process, because closing the file here would release the locks of SQLite's
    connections (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """
    log_file = file.with_name(f"{file.name}-wal")
    try:
        with file.open("rb") as database:
            start = database.read(_HEAD_BYTES)
        has_log = log_file.exists() and log_file.stat().st_size > 0
    except OSError as error:
        raise SpoolWriteError(f"{file}: {error.strerror}") from error
    if start and (not start.startswith(_MAGIC) or not _VERSIONS.issuperset(start[len(_MAGIC) + 2 :])):
        raise SpoolCorrupt(f"{file} does not begin like an SQLite database")
    if not start and has_log:
        raise SpoolCorrupt(f"{file} is empty, but its write-ahead log {log_file.name} is not empty")
    if not start and used:
        raise SpoolCorrupt(f"{file} is empty, although it was in use")


def reject_damaged_log(file: Path, *, same_boot: bool) -> None:
    """Raise SpoolCorrupt if the write-ahead log lacks pages of acknowledged transactions.

    `same_boot` is true if the machine was not restarted since the log was written. Raises SpoolWriteError if the log
    cannot be read. The database file must not be open in this process.
    """
    try:
        with closing(WriteAheadLog(file)) as found:
            damage = found.damage(same_boot=same_boot)
    except OSError as error:
        raise SpoolWriteError(f"{file}: {error.strerror}") from error
    if damage:
        raise SpoolCorrupt(f"{file}: {damage}")


def resync_wal(file: Path) -> None:
    """Rewrite the write-ahead log of an earlier run with the same content, and sync it (fsync). Raises SpoolWriteError.

    If the last sync of the earlier run failed, the end of the log may exist only in the kernel's page cache. After a
    failed sync, the kernel considers these pages written, so later syncs do not write them. SQLite would read the pages
    from the cache, append to the log, and sync only the new part. After a power failure, the unwritten pages and
    everything after them would be lost, although the bridge had acknowledged the messages.
    https://wiki.postgresql.org/wiki/Fsync_Errors
    """
    log_file = file.with_name(f"{file.name}-wal")
    try:
        if not log_file.exists():
            return
        # Open the file without Python's buffer, so that each write reaches the kernel before the fsync.
        with log_file.open("r+b", buffering=0) as log_again:
            offset = 0
            while part := os.pread(log_again.fileno(), _COPIED_BYTES, offset):
                offset += os.pwrite(log_again.fileno(), part, offset)
            os.fsync(log_again.fileno())
    except OSError as error:
        raise SpoolWriteError(f"{log_file}: {error.strerror}") from error


def connect_writer(file: Path) -> sqlite3.Connection:
    """Return a connection for writing. Create the tables in a new file.

    Raises SpoolCorrupt or SpoolWriteError.
    """
    try:
        database = _open(file)
        with _closed_on_error(database):
            _check_format(database, file)
    except sqlite3.Error as error:
        raise to_spool_error(error, file) from error
    return database


def _check_format(database: sqlite3.Connection, file: Path) -> None:
    """Create the tables in an empty database. Check the format of any other database.

    Raises SpoolCorrupt, SpoolWriteError, sqlite3.Error.
    """
    found = database.execute("pragma application_id").fetchone()[0]
    version = database.execute("pragma user_version").fetchone()[0]
    # The file has no tables if it is new, or if the process was killed before it had created the tables.
    if found == 0 and version == 0 and not database.execute("select 1 from sqlite_master limit 1").fetchone():
        _create(database)
        return
    if found != APPLICATION_ID:
        raise SpoolCorrupt(f"{file} is a database, but not a spool")
    noted = database.execute("select value from meta where key = ?", (_FORMAT,)).fetchone()
    # A newer version of this program stores its version both in `user_version` and in `meta`. If the two differ, the
    # file is damaged.
    if version > VERSION and noted == (str(version),):
        raise SpoolWriteError(
            f"{file} was written by a newer version of this program (format {version}; this one knows {VERSION}): "
            f"install that version, or move the file away"
        )
    if version < VERSION and noted is None:
        raise SpoolWriteError(
            f"{file} was written before version 0.1.0 (format {version}; this one knows {VERSION}): let the program "
            f"that wrote it deliver everything, then move the file away"
        )
    if noted != (str(version),):
        raise SpoolCorrupt(f"{file} is damaged: its format is stored as {version} and as {noted and noted[0]!r}")
    # Read each table now, so that a missing table is detected at the start, and not later in a commit.
    for table in TABLES:
        database.execute(f"select * from {table.name} limit 1").fetchall()


@contextmanager
def _closed_on_error(database: sqlite3.Connection) -> Iterator[None]:
    """Close the connection if the block raises an error.

    Otherwise, the connection's files would stay open until the garbage collector runs. With a failing disk, each retry
    would leave two more open files.
    """
    try:
        yield
    except BaseException:
        database.close()
        raise


def connect_reader(file: Path) -> sqlite3.Connection:
    """Return a read-only connection. Raises sqlite3.Error."""
    database = _open(file)
    # Only the ingest thread may write. With this pragma, SQLite refuses all writes through this connection.
    database.execute("pragma query_only=on")
    return database


def create_queue(database: sqlite3.Connection, queue: int) -> None:
    """Create the table for the records of one queue, if it does not exist."""
    database.execute(queue_sql(queue))


def to_spool_error(error: sqlite3.Error, file: Path) -> SpoolCorrupt | SpoolWriteError:
    """Return the spool error for an SQLite error. Result codes: https://www.sqlite.org/rescode.html."""
    name = getattr(error, "sqlite_errorname", "") or ""
    # Error texts of SQLite that mean damage, in addition to the error names below. For example, a table or column is
    # only missing in a damaged file, because all tables are created in one transaction.
    damaged = (
        "malformed",
        "unsupported file format",
        "no such table",
        "no such column",
        "Could not decode to UTF-8",
        "string or blob too big",
    )
    if (
        isinstance(error, DamagedRow)
        or name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_TOOBIG"))
        or any(words in str(error) for words in damaged)
    ):
        return SpoolCorrupt(f"{file}: {error}")
    return SpoolWriteError(f"{file}: {error}" + (f" ({name})" if name else ""))


def _open(file: Path) -> sqlite3.Connection:
    """Return a connection with the spool's pragmas. Raises sqlite3.Error."""
    # With `isolation_level=None`, the spool begins and ends its transactions itself. With `check_same_thread=False`,
    # several threads can share the reader's connection, one at a time.
    database = sqlite3.connect(str(file), isolation_level=None, check_same_thread=False, timeout=5.0)
    with _closed_on_error(database):
        # With incremental vacuum, the file can shrink step by step after an outage. SQLite accepts this setting only
        # before the first table is created.
        database.execute(f"pragma page_size={PAGE_BYTES}")
        database.execute("pragma auto_vacuum=incremental")
        database.execute("pragma journal_mode=wal")
        database.execute("pragma synchronous=full")
        database.execute(f"pragma wal_autocheckpoint={WAL_PAGES}")
        database.execute(f"pragma journal_size_limit={WAL_LIMIT_BYTES}")
        # Debian's SQLite overwrites deleted content with zeros by default. With "fast", it writes no additional pages
        # for this (https://www.sqlite.org/pragma.html#pragma_secure_delete).
        database.execute("pragma secure_delete=fast")
        # A negative value is a size in KiB. 8 MB are enough for the inner pages of all tables. Records need no cache,
        # because they are read only once.
        database.execute("pragma cache_size=-8000")
        database.execute("pragma trusted_schema=off")
    return database


def _create(database: sqlite3.Connection) -> None:
    tables = "\n".join(table.sql for table in TABLES)
    marks = f"pragma user_version={VERSION}; pragma application_id={APPLICATION_ID};"
    key, value, row_hash = META.row(_FORMAT, str(VERSION))
    noted = f"insert into meta values ('{key}', '{value}', {row_hash});"
    database.executescript(f"begin immediate; {tables} {noted} {marks} commit;")
