"""Connections to the database: pragmas, tables, and checks of a file that may be no spool."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bridge.errors import SpoolCorrupt, SpoolWriteError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = logging.getLogger(__name__)

APPLICATION_ID = 0x4D514B53  # "MQKS" in ASCII: `file` and people can identify the format by it.
SQLITE_VERSION = sqlite3.sqlite_version
"""Version of the SQLite library in use."""
VERSION = 3
MARKED_VERSION = 2
"""First format whose ledger has the breakdown columns: outcomes of dead letters, and reasons of drops."""
# Pages in the write-ahead log that start an automatic checkpoint.
WAL_PAGES = 2000
# Size in bytes to which SQLite truncates the log file after a checkpoint.
WAL_LIMIT_BYTES = 16 * 1024 * 1024

_COPIED_BYTES = 1024 * 1024
_MAGIC = b"SQLite format 3\0"
"""First 16 bytes of every SQLite database (https://www.sqlite.org/fileformat2.html#magic_header_string)."""
_HEAD_BYTES = 20
_VERSIONS = frozenset({1, 2})
"""Valid values of bytes 18 and 19, the write and read versions of the format.

With a higher write version SQLite treats a damaged file as one of a later format, and opens it read-only.
"""

_TABLES = """
create table meta(key text primary key, value text not null) without rowid;
create table mappings(number integer primary key, name text not null unique);
create table streams(number integer primary key, name text not null unique, next integer not null);
create table ledger(
    mapping integer not null, stream integer not null,
    received integer not null, delivered integer not null, filtered integer not null,
    dead_lettered integer not null, dropped integer not null, spooled integer not null,
    replayed integer not null default 0, deleted integer not null default 0, evicted integer not null default 0,
    expired integer not null default 0, damaged integer not null default 0,
    primary key(mapping, stream)) without rowid;
create table dead_letters(
    number integer primary key autoincrement, kind text not null, mapping text not null, streams text not null,
    item integer, code text not null, detail text not null, topic text not null, payload blob not null,
    total_bytes integer not null, qos integer not null, retain integer not null, received_at_ms integer not null,
    properties text not null, key text);
create table exceptions(queue integer not null, first integer not null, last integer not null, reason text not null);
create table checksums(
    queue integer not null, first integer not null, last integer not null, checksum integer not null,
    primary key(queue, first)) without rowid;
create table unreleased(packet integer primary key);
create table state(space text not null, key text not null, value blob not null, primary key(space, key)) without rowid;
"""


_MIGRATIONS = {
    1: """
alter table ledger add column replayed integer not null default 0;
alter table ledger add column deleted integer not null default 0;
alter table ledger add column evicted integer not null default 0;
alter table ledger add column expired integer not null default 0;
alter table ledger add column damaged integer not null default 0;
create table exceptions(queue integer not null, first integer not null, last integer not null, reason text not null);
""",
    2: """
create table checksums(
    queue integer not null, first integer not null, last integer not null, checksum integer not null,
    primary key(queue, first)) without rowid;
""",
}
"""SQL from each format version to the next one."""


def reject_truncated_database(file: Path) -> None:
    """Raise SpoolCorrupt for an empty or zeroed file, as a power failure can leave it.

    SQLite would take such a file for a new database, overwrite it, and delete the log beside it. Raises SpoolWriteError
    if the file cannot be read.

    The file must not be open in this process: closing it here would release the locks of SQLite's own connections
    (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """
    log_file = file.with_name(f"{file.name}-wal")
    try:
        with file.open("rb") as database:
            start = database.read(_HEAD_BYTES)
        has_log = log_file.exists() and log_file.stat().st_size > 0
    except OSError as error:
        raise SpoolWriteError(f"{file}: {error.strerror}") from error
    if start and (not start.startswith(_MAGIC) or not _VERSIONS.issuperset(start[len(_MAGIC) + 2 :])):
        raise SpoolCorrupt(f"{file} does not begin as a database does")
    if not start and has_log:
        raise SpoolCorrupt(f"{file} is empty, and {log_file.name} beside it is not")


def resync_wal(file: Path) -> None:
    """Write the write-ahead log of an earlier run again, unchanged, and sync it. Raises SpoolWriteError.

    If a sync failed and the process then died, the end of the log may exist only in the page cache. The kernel
    considers these pages clean, so no later sync writes them. SQLite would read them, append to the log, and sync only
    the new part. After a power failure all of it would be lost, although the bridge had acknowledged the messages.
    https://wiki.postgresql.org/wiki/Fsync_Errors
    """
    log_file = file.with_name(f"{file.name}-wal")
    try:
        if not log_file.exists():
            return
        with log_file.open("r+b", buffering=0) as log_again:
            place = 0
            while part := os.pread(log_again.fileno(), _COPIED_BYTES, place):
                place += os.pwrite(log_again.fileno(), part, place)
            os.fsync(log_again.fileno())
    except OSError as error:
        raise SpoolWriteError(f"{log_file}: {error.strerror}") from error


def connect(file: Path) -> sqlite3.Connection:
    """Return a connection for writing. Create the tables in a new file, or migrate those of an older format.

    Raises SpoolCorrupt or SpoolWriteError.
    """
    try:
        database = _open(file)
        with _closed_on_error(database):
            _bring_up_to_date(database, file)
    except sqlite3.Error as error:
        raise to_spool_error(error, file) from error
    return database


def _bring_up_to_date(database: sqlite3.Connection, file: Path) -> None:
    """Create the tables in an empty database, or migrate an older format.

    Raises SpoolCorrupt, SpoolWriteError, sqlite3.Error.
    """
    found = database.execute("pragma application_id").fetchone()[0]
    version = database.execute("pragma user_version").fetchone()[0]
    if found == 0 and version == 0 and not database.execute("select 1 from sqlite_master limit 1").fetchone():
        _create(database)
    elif found != APPLICATION_ID:
        raise SpoolCorrupt(f"{file} is a database, but not a spool")
    elif version in _MIGRATIONS:
        _migrate(database, version)
    elif version != VERSION:
        raise SpoolWriteError(
            f"{file} was written by a newer version of this program (format {version}; this one knows {VERSION}): "
            f"install that version, or move the file away"
        )
    # A database with a missing or unreadable table fails here, and not later in a commit.
    database.execute("select * from streams, mappings, meta limit 1").fetchall()


@contextmanager
def _closed_on_error(database: sqlite3.Connection) -> Iterator[None]:
    """Close the connection if the block raises.

    A connection refers to itself, so its files would stay open until the garbage collector runs. While a disk failed
    for an hour, two descriptors leaked every second.
    """
    try:
        yield
    except BaseException:
        database.close()
        raise


def _migrate(database: sqlite3.Connection, version: int) -> None:
    """Run all steps from `version` to VERSION in one transaction."""
    steps = "".join(_MIGRATIONS[each] for each in range(version, VERSION))
    try:
        database.executescript(f"begin immediate; {steps} pragma user_version={VERSION}; commit;")
    except sqlite3.Error:
        if database.in_transaction:
            database.execute("rollback")
        raise
    log.info("the spool was brought from format %d to %d", version, VERSION)


def reader(file: Path) -> sqlite3.Connection:
    """Return a connection that only reads. Raises sqlite3.Error."""
    database = _open(file)
    database.execute("pragma query_only=on")
    return database


def create_queue(database: sqlite3.Connection, stream: int) -> None:
    """Create the table for the records of one stream, if it does not exist."""
    database.execute(
        f"create table if not exists queue_{stream}("
        "number integer primary key, mapping integer not null, key text not null, data blob not null)"
    )


def to_spool_error(error: sqlite3.Error, file: Path) -> SpoolCorrupt | SpoolWriteError:
    """Return the spool error for an SQLite error. Result codes: https://www.sqlite.org/rescode.html."""
    name = getattr(error, "sqlite_errorname", "") or ""
    # Tables and version marks are created in one transaction, so a missing table or column means damage. The program
    # never writes a later file format, so an unsupported format means damage too.
    damaged = ("malformed", "unsupported file format", "no such table", "no such column")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or any(words in str(error) for words in damaged):
        return SpoolCorrupt(f"{file}: {error}")
    return SpoolWriteError(f"{file}: {error}" + (f" ({name})" if name else ""))


def _open(file: Path) -> sqlite3.Connection:
    # The spool begins and ends its transactions itself (isolation_level). Several threads share the reader's
    # connection, one at a time (check_same_thread).
    """Return a connection with the spool's pragmas. Raises sqlite3.Error."""
    database = sqlite3.connect(str(file), isolation_level=None, check_same_thread=False, timeout=5.0)
    with _closed_on_error(database):
        # Incremental: after an outage the file shrinks without a complete rewrite. SQLite requires it before the first
        # table.
        database.execute("pragma auto_vacuum=incremental")
        database.execute("pragma journal_mode=wal")
        database.execute("pragma synchronous=full")
        database.execute(f"pragma wal_autocheckpoint={WAL_PAGES}")
        database.execute(f"pragma journal_size_limit={WAL_LIMIT_BYTES}")
        # Negative: KiB.
        database.execute("pragma cache_size=-8000")
        database.execute("pragma trusted_schema=off")
    return database


def _create(database: sqlite3.Connection) -> None:
    marks = f"pragma user_version={VERSION}; pragma application_id={APPLICATION_ID};"
    database.executescript(f"begin immediate; {_TABLES} {marks} commit;")
