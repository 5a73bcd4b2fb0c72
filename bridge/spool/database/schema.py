"""Opening the database: pragmas, tables, and what to do with a file that is no spool."""

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

APPLICATION_ID = 0x4D514B53  # "MQKS", so that `file` and a curious person can tell what it is
SQLITE_VERSION = sqlite3.sqlite_version
"""Of the library in use."""
VERSION = 2
MARKED_VERSION = 2
"""Since then the ledger tells what became of dead letters, and why records were dropped."""
WAL_PAGES = 2000
WAL_LIMIT_BYTES = 16 * 1024 * 1024

_COPIED_BYTES = 1024 * 1024
_MAGIC = b"SQLite format 3\0"
"""https://www.sqlite.org/fileformat2.html#magic_header_string"""
_HEAD_BYTES = 20
_VERSIONS = frozenset({1, 2})
"""Bytes 18 and 19: for a higher one SQLite takes a damaged file for one of a later version, and only reads it."""

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
}
"""From each format to the next one."""


def reject_truncated_database(file: Path) -> None:
    """Raise SpoolCorrupt for what SQLite takes for a new database, overwrites, and deletes the log beside: a file of
    zeros, as a power failure leaves it, or one cut to nothing.

    Only for a file that is not open: to close it would give up the locks of SQLite's own connections in this process
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
    """Write the write-ahead log that an earlier run has left once more, as it is, and sync it.

    Where a sync failed and the process then died, the log's end may be in the page cache alone, in pages that the
    system takes for clean: no sync would ever bring them to the disk. SQLite would read them, write behind them, and
    sync only that; after a power cut all of it would be lost, whatever had been acknowledged. Raises SpoolWriteError.
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
    """A connection for writing; creates the tables in a new file, and brings those of an older one up to date.

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
    database.execute("select * from streams, mappings, meta limit 1").fetchall()


@contextmanager
def _closed_on_error(database: sqlite3.Connection) -> Iterator[None]:
    """A connection refers to itself, and would keep its files open until the garbage collector comes by: during a disk
    that takes nothing for an hour, two descriptors each second."""
    try:
        yield
    except BaseException:
        database.close()
        raise


def _migrate(database: sqlite3.Connection, version: int) -> None:
    """Step by step, and all of it or nothing."""
    steps = "".join(_MIGRATIONS[each] for each in range(version, VERSION))
    try:
        database.executescript(f"begin immediate; {steps} pragma user_version={VERSION}; commit;")
    except sqlite3.Error:
        if database.in_transaction:
            database.execute("rollback")
        raise
    log.info("the spool was brought from format %d to %d", version, VERSION)


def reader(file: Path) -> sqlite3.Connection:
    """A connection that only reads."""
    database = _open(file)
    database.execute("pragma query_only=on")
    return database


def create_queue(database: sqlite3.Connection, stream: int) -> None:
    """The table of one stream's records."""
    database.execute(
        f"create table if not exists queue_{stream}("
        "number integer primary key, mapping integer not null, key text not null, data blob not null)"
    )


def to_spool_error(error: sqlite3.Error, file: Path) -> SpoolCorrupt | SpoolWriteError:
    """What an SQLite error means for the spool. Result codes: https://www.sqlite.org/rescode.html."""
    name = getattr(error, "sqlite_errorname", "") or ""
    # Tables are made in one transaction with the marks; the format of a later SQLite is none that it ever wrote itself.
    damaged = ("malformed", "unsupported file format", "no such table", "no such column")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or any(words in str(error) for words in damaged):
        return SpoolCorrupt(f"{file}: {error}")
    return SpoolWriteError(f"{file}: {error}" + (f" ({name})" if name else ""))


def _open(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(str(file), isolation_level=None, check_same_thread=False, timeout=5.0)
    with _closed_on_error(database):
        # Incremental, so that the file gives its pages back after an outage without a rewrite. It precedes the tables.
        database.execute("pragma auto_vacuum=incremental")
        database.execute("pragma journal_mode=wal")
        database.execute("pragma synchronous=full")
        database.execute(f"pragma wal_autocheckpoint={WAL_PAGES}")
        database.execute(f"pragma journal_size_limit={WAL_LIMIT_BYTES}")
        database.execute("pragma cache_size=-8000")
        database.execute("pragma trusted_schema=off")
    return database


def _create(database: sqlite3.Connection) -> None:
    marks = f"pragma user_version={VERSION}; pragma application_id={APPLICATION_ID};"
    database.executescript(f"begin immediate; {_TABLES} {marks} commit;")
