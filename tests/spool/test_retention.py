"""A full spool, and a full disk."""

import logging
import resource
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.errors import SpoolFull, SpoolWriteError
from bridge.spool.database.transaction import Transaction
from bridge.spool.retention import DiskBudget
from tests.spool.builders import append, assert_ledger_balanced, data_of, opened, put, settle, take, take_all

MIB = 1 << 20
KIB = bytes(1024)


def filled(path, **options):
    """Return a full spool of 4 MiB, with one more burst of 64 KiB that it has not accepted."""
    spool = opened(path, max_bytes=4 * MIB, **options)
    for _ in range(200):
        append(spool, *[KIB] * 64)
        try:
            spool.commit(Transaction())
        except SpoolFull:
            return spool
    raise AssertionError("never full")


def test_full_spool_accepts_nothing_more_and_stays_within_its_limit(tmp_path):
    spool = filled(tmp_path)
    assert spool._room.full
    with pytest.raises(SpoolFull, match=r"3\.\d MiB used, spool\.max_bytes is 4 MiB; reading resumes below 3\.6 MiB"):
        spool.commit(Transaction())
    assert 3 * MIB < spool.used_bytes <= 4 * MIB
    assert_ledger_balanced(spool)
    spool.close()


def test_full_spool_still_writes_what_was_settled(tmp_path):
    spool = filled(tmp_path)
    records = take(spool, 10)
    spool.queue("press").settle(records, [])
    with pytest.raises(SpoolFull):
        spool.commit(Transaction())
    assert [row.delivered for row in spool.ledger_rows()] == [10]
    assert not spool.commit_due
    assert_ledger_balanced(spool)
    spool.close()


def test_full_spool_does_not_write_what_a_mapping_remembers(tmp_path):
    spool = filled(tmp_path)
    spool.state("m").put("key", b"of a message that is not spooled")
    spool.queue("press").settle(take(spool, 1), [])
    with pytest.raises(SpoolFull):
        spool.commit(Transaction())
    spool.close()
    again = opened(tmp_path)
    assert again.state("m").get("key") is None
    again.close()


def test_full_spool_takes_more_only_when_a_tenth_is_free(tmp_path):
    spool = filled(tmp_path)
    settled = 0
    while spool._room.full:
        settled += 1
        assert settled < 60
        spool.queue("press").settle(take(spool, 64), [])
        try:
            spool.commit(Transaction())
        except SpoolFull:
            assert spool.used_bytes + 64 * 1024 > 0.9 * 4 * MIB
    assert settled > 1
    assert spool.used_bytes <= 0.9 * 4 * MIB + 128 * 1024
    assert data_of(take_all(spool))[-64:] == [KIB] * 64
    assert_ledger_balanced(spool)
    spool.close()


def test_emptied_spool_is_never_full_however_long_its_log_became(tmp_path):
    spool = opened(tmp_path, max_bytes=4 * MIB)
    for _ in range(20):
        put(spool, bytes(2 * MIB))
        settle(spool, take(spool))
    put(spool, bytes(2 * MIB))
    assert len(take(spool)) == 1
    spool.close()


def test_dropping_the_oldest_makes_room_and_counts_them_per_mapping(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    spool = opened(tmp_path, max_bytes=4 * MIB, when_full="drop_oldest")
    for number in range(120):
        put(spool, *[b"%06d" % number + KIB] * 64, mapping="first" if number < 30 else "second")
    rows = {row.mapping: row for row in spool.ledger_rows()}
    assert rows["first"].dropped == rows["first"].received == 30 * 64
    assert 0 < rows["second"].dropped < rows["second"].received == 90 * 64
    assert spool.used_bytes <= 5 * MIB
    assert_ledger_balanced(spool)
    kept = [int(data[:6]) for data in data_of(take_all(spool))]
    assert kept == sorted(kept)
    assert kept[-1] == 119
    assert len(kept) == rows["second"].spooled
    assert any("dropped the" in record.getMessage() for record in caplog.records)
    spool.close()


def test_records_in_flight_are_not_dropped(tmp_path):
    spool = opened(tmp_path, max_bytes=4 * MIB, when_full="drop_oldest")
    put(spool, *[KIB] * 64)
    held = take(spool)
    for _ in range(100):
        put(spool, *[KIB] * 64)
    settle(spool, held)
    [row] = spool.ledger_rows()
    assert row.delivered == 64
    assert row.dropped > 0
    assert_ledger_balanced(spool)
    spool.close()


def test_drop_whose_transaction_fails_drops_nothing(tmp_path):
    spool = opened(tmp_path, max_bytes=4 * MIB, when_full="drop_oldest", fresh_bytes=MIB)
    for number in range(40):
        put(spool, *[b"%06d" % number + bytes(44)] * 250)
    spool._room = DiskBudget(tmp_path, MIB // 4, 0)
    append(spool, *[b"999999"] * 3)
    real = spool._database
    spool._database = Failing(real)
    with pytest.raises(SpoolWriteError):
        spool.commit(Transaction())
    assert spool._database.deletes > 1  # several spans of one queue: `rewind` must begin at the first of them
    spool._database = real
    spool._room = DiskBudget(tmp_path, 64 * MIB, 0)
    spool.commit(Transaction())
    assert [int(data[:6]) for data in data_of(take_all(spool))] == [n for n in range(40) for _ in range(250)] + [
        999999
    ] * 3
    assert [row.dropped for row in spool.ledger_rows()] == [0]
    assert_ledger_balanced(spool)
    spool.close()


class Failing:
    """A database that raises "disk is full" at the commit."""

    def __init__(self, database):
        self._database = database
        self.deletes = 0

    def __getattr__(self, name):
        return getattr(self._database, name)

    def execute(self, text, *given):
        self.deletes += text.startswith("delete from queue")
        if text == "commit" and self.deletes:
            raise sqlite3.OperationalError("database or disk is full")
        return self._database.execute(text, *given)


@pytest.fixture
def small_files():
    """Return a function limit(bytes). After its call, no file of this process can become larger than `bytes`."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal_before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, signal_before)


def test_disk_without_room_refuses_a_burst_complete_and_takes_it_later(tmp_path, small_files):
    spool = opened(tmp_path)
    put(spool, b"before")
    transaction = Transaction(qos2_ids={7: True})
    transaction.filtered[spool.mapping_number("m"), spool.queue("press").number] += 5
    append(spool, *(b"%d" % number + KIB for number in range(2000)))
    small_files(300_000)
    for _ in range(3):
        with pytest.raises(SpoolWriteError):
            spool.commit(transaction)
    assert [(row.received, row.filtered, row.spooled) for row in spool.ledger_rows()] == [(1, 0, 1)]
    assert_ledger_balanced(spool)
    assert data_of(take(spool)) == [b"before"]
    small_files(resource.RLIM_INFINITY)
    spool.commit(transaction)
    assert len(take_all(spool)) == 2000
    assert [(row.received, row.filtered, row.spooled) for row in spool.ledger_rows()] == [(2006, 5, 2001)]
    assert_ledger_balanced(spool)
    spool.close()
    again = opened(tmp_path)
    assert again.open_qos2_ids == {7}
    assert len(take_all(again)) == 2001
    again.close()


def test_records_settled_while_the_disk_was_full_are_settled_later(tmp_path, small_files):
    spool = opened(tmp_path)
    put(spool, b"1", b"2")
    spool.queue("press").settle(take(spool, 1), [])
    append(spool, *[KIB] * 2000)
    small_files(300_000)
    with pytest.raises(SpoolWriteError):
        spool.commit(Transaction())
    assert spool.commit_due
    small_files(resource.RLIM_INFINITY)
    spool.commit(Transaction())
    assert [(row.delivered, row.spooled) for row in spool.ledger_rows()] == [(1, 2001)]
    assert_ledger_balanced(spool)
    spool.close()


def test_new_mapping_on_a_full_disk_waits_until_there_is_room(tmp_path, small_files):
    spool = opened(tmp_path)
    put(spool, b"1")
    small_files(1)
    with pytest.raises(SpoolWriteError):
        spool.mapping_number("new")
    small_files(resource.RLIM_INFINITY)
    assert spool.mapping_number("new") != spool.mapping_number("m")
    put(spool, b"2", mapping="new")
    assert_ledger_balanced(spool)
    spool.close()


def test_folder_that_cannot_be_made_is_unwritable():
    with pytest.raises(SpoolWriteError, match="cannot use /proc/nowhere"):
        opened(Path("/proc/nowhere"))


def test_folder_that_cannot_be_written_is_unwritable(tmp_path):
    script = (
        "import os, sys, pathlib\n"
        "from bridge.spool.opening import open_spool; from bridge.spool.settings import SpoolSettings\n"
        "from bridge.errors import SpoolWriteError\n"
        "os.geteuid() or os.setuid(65534)\n"
        "try: open_spool(SpoolSettings(path=pathlib.Path(sys.argv[1])))\n"
        "except SpoolWriteError as error: print(error)\n"
    )
    tmp_path.chmod(0o500)
    try:
        done = subprocess.run(
            [sys.executable, "-c", script, tmp_path / "data"], capture_output=True, text=True, check=False, timeout=30
        )
    finally:
        tmp_path.chmod(0o700)
    assert f"cannot use {tmp_path}/data" in done.stdout, done.stderr
