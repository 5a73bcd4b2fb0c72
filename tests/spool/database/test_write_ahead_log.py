"""Damage in the log is distinguished from an incomplete transaction after a power failure."""

import random
import shutil
import sqlite3
from contextlib import closing

import pytest

from bridge.spool.database.write_ahead_log import WriteAheadLog
from bridge.spool.recovery.log_copy import apply_log

FRAME = 24 + 4096


@pytest.fixture
def killed(tmp_path):
    """A database after SIGKILL: its 20 commits are only in the log."""
    alive = tmp_path / "alive"
    alive.mkdir()
    with closing(sqlite3.connect(alive / "spool.db", isolation_level=None)) as database:
        database.executescript("pragma page_size=4096; pragma journal_mode=wal; create table t(x);")
        for number in range(20):
            database.execute("insert into t values (?)", (random.Random(number).randbytes(3000),))
        shutil.copytree(alive, tmp_path / "killed")
    return tmp_path / "killed"


def damage_of(folder, *, same_boot):
    with closing(WriteAheadLog(folder / "spool.db")) as log:
        return log.damage(same_boot=same_boot)


def changed(folder, change):
    file = folder / "spool.db-wal"
    file.write_bytes(change(bytearray(file.read_bytes())))


def without_index(folder):
    (folder / "spool.db-shm").unlink()


@pytest.mark.parametrize("same_boot", [True, False])
def test_log_after_a_kill_has_no_damage(killed, same_boot):
    assert damage_of(killed, same_boot=same_boot) == ""


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("same_boot", [True, False])
def test_flipped_bit_anywhere_in_the_log_is_damage(killed, seed, same_boot):
    def flip(data):
        place = random.Random(seed).randrange(len(data))
        data[place] ^= 1 << seed % 8
        return data

    changed(killed, flip)
    assert "the write-ahead log is damaged" in damage_of(killed, same_boot=same_boot)


@pytest.mark.parametrize("frames", [0, 1, 10, 39])
def test_log_cut_between_frames_is_damage(killed, frames):
    changed(killed, lambda data: data[: 32 + frames * FRAME])
    assert "damaged after page" in damage_of(killed, same_boot=True) or frames == 0
    assert damage_of(killed, same_boot=True)


@pytest.mark.parametrize("removed", [True, False])
def test_missing_log_is_damage_unless_the_machine_was_restarted(killed, removed):
    if removed:
        (killed / "spool.db-wal").unlink()
    else:
        changed(killed, lambda _: b"")
    assert "the write-ahead log is empty" in damage_of(killed, same_boot=True)
    assert damage_of(killed, same_boot=False) == ""


def test_incomplete_last_transaction_after_a_power_failure_is_no_damage(killed, caplog):
    without_index(killed)
    changed(killed, lambda data: data[: -FRAME * 2] + bytes(FRAME) + data[-FRAME:])
    assert damage_of(killed, same_boot=False) == ""
    assert "the last transaction in the write-ahead log is incomplete" in caplog.text


def test_commits_after_a_damaged_frame_are_damage_without_the_index(killed):
    without_index(killed)
    changed(killed, lambda data: data[: 32 + 10 * FRAME] + bytes(FRAME) + data[32 + 11 * FRAME :])
    assert "pages of it follow" in damage_of(killed, same_boot=False)


def test_transaction_without_a_commit_is_no_damage(killed):
    with closing(sqlite3.connect(killed / "spool.db", isolation_level=None)) as database:
        database.execute("pragma cache_size=2")
        database.execute("begin")
        for number in range(20):
            database.execute("insert into t values (?)", (random.Random(number).randbytes(3000),))
        shutil.copytree(killed, killed.with_name("again"))
    assert damage_of(killed.with_name("again"), same_boot=True) == ""


def rows_of(folder):
    with closing(sqlite3.connect(folder / "spool.db")) as database:
        return [row[0] for row in database.execute("select x from t order by rowid")]


def test_applied_log_is_the_database_that_sqlite_reads(killed):
    shutil.copytree(killed, killed.with_name("by sqlite"))
    expected = rows_of(killed.with_name("by sqlite"))
    assert apply_log(killed / "spool.db") == 0
    for name in ("spool.db-wal", "spool.db-shm"):
        (killed / name).unlink()
    assert rows_of(killed) == expected
    assert len(expected) == 20


def test_applied_log_without_its_header_is_complete(killed):
    changed(killed, lambda data: bytes(32) + data[32:])
    assert apply_log(killed / "spool.db") <= 1
    for name in ("spool.db-wal", "spool.db-shm"):
        (killed / name).unlink()
    assert len(rows_of(killed)) == 20


def test_applied_log_counts_damaged_and_missing_pages(killed):
    changed(killed, lambda data: data[: 32 + 11 * FRAME - 8] + bytes(8) + data[32 + 11 * FRAME : -FRAME * 3])
    assert apply_log(killed / "spool.db") == 4
