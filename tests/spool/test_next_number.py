"""The number of the next record is never reused, even after deletions, kills and failures."""

import random
import sqlite3
from contextlib import closing
from unittest import mock

import pytest

from bridge.errors import SpoolFull, SpoolWriteError
from bridge.spool import store
from bridge.spool.database.transaction import Transaction, write_rest
from tests.spool.builders import append, opened, put, settle, take_all

DATA = b"x" * 200


def kept(path):
    """Return the next number that is stored in the table."""
    with closing(sqlite3.connect(path / "spool.db")) as database:
        return database.execute("select next from streams where name = 'press'").fetchone()[0]


def reopened(spool, path, **options):
    spool.close()
    return opened(path, **options)


def test_next_number_is_not_written_while_a_record_shows_it(tmp_path):
    spool = opened(tmp_path)
    for _ in range(5):
        put(spool, DATA)
    settle(spool, take_all(spool)[:4])
    assert kept(tmp_path) == 1
    spool = reopened(spool, tmp_path)
    assert spool.queue("press").next == 6


def test_next_number_is_stored_when_the_last_record_leaves(tmp_path):
    spool = opened(tmp_path)
    put(spool, DATA, DATA)
    settle(spool, take_all(spool))
    assert kept(tmp_path) == 3
    assert reopened(spool, tmp_path).queue("press").next == 3


def test_next_number_is_stored_when_the_newest_record_leaves_first(tmp_path):
    spool = opened(tmp_path)
    put(spool, DATA, DATA, DATA)
    settle(spool, take_all(spool)[2:])
    assert reopened(spool, tmp_path).queue("press").next == 4


def test_records_that_wait_for_a_full_disk_have_no_number_yet(tmp_path):
    """The records were not acknowledged. After a restart, the broker sends them again, and the numbers have no gap."""
    spool = opened(tmp_path, max_bytes=16 << 20)
    put(spool, DATA)
    taken = take_all(spool)
    spool.queue("press").settle(taken, [])
    append(spool, b"x" * (20 << 20))
    with pytest.raises(SpoolFull):
        spool.commit(Transaction())
    assert kept(tmp_path) == 2


@pytest.mark.parametrize("seed", range(3))
def test_numbers_are_never_repeated_or_left_out(tmp_path, seed):
    chance, options = random.Random(seed), {"max_bytes": 400_000, "when_full": "drop_oldest"}
    spool, held, numbers = opened(tmp_path, **options), [], []

    def failing(*arguments):
        if chance.random() < 0.2:
            raise sqlite3.OperationalError("disk I/O error")
        return write_rest(*arguments)

    def commit():
        new = [record.number for record in spool.queue("press").pending]
        with mock.patch.object(store, "write_rest", failing):
            try:
                spool.commit(Transaction())
            except SpoolWriteError:
                return
        numbers.extend(new)

    for _ in range(300):
        step = chance.choice(["put", "put", "settle", "both", "reopen"])
        if step in ("put", "both"):
            append(spool, *[b"x" * chance.choice([10, 3000])] * chance.randint(1, 4))
        if step in ("settle", "both"):
            held += take_all(spool)
            gone = chance.sample(held, chance.randint(0, len(held)))
            held = [record for record in held if record not in gone]
            spool.queue("press").settle(gone, [])
        if step == "reopen":
            spool, held = reopened(spool, tmp_path, **options), []
        else:
            commit()
    assert numbers == list(range(1, numbers[-1] + 1))
