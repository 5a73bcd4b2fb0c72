import contextlib
import sqlite3

import pytest

from bridge.errors import BridgeError
from bridge.spool import read_only
from bridge.spool.database.transaction import Transaction
from bridge.spool.lock import is_in_use
from bridge.spool.read_only import all_dead_letters, integrity_errors, read_dead_letter
from tests.spool.builders import dead_letter, opened


def commit(spool, *dead_letters):
    transaction = Transaction()
    transaction.dead_letters += dead_letters
    spool.commit(transaction)


def test_dead_letter_is_read_while_the_bridge_has_the_spool_open(tmp_path):
    spool = opened(tmp_path)
    try:
        commit(spool, dead_letter(), dead_letter(payload=b"second", properties={"a": 1}))
        assert read_dead_letter(tmp_path, 2) == dead_letter(payload=b"second", properties={"a": 1})
        commit(spool, dead_letter(payload=b"third"))
        assert read_dead_letter(tmp_path, 3).payload == b"third"
    finally:
        spool.close()


def test_dead_letter_of_a_stopped_bridge_is_read_without_a_change(tmp_path):
    spool = opened(tmp_path / "a spool?#")
    commit(spool, dead_letter())
    spool.close()
    before = (tmp_path / "a spool?#" / "spool.db").read_bytes()
    assert read_dead_letter(tmp_path / "a spool?#", 1) == dead_letter()
    assert (tmp_path / "a spool?#" / "spool.db").read_bytes() == before


def test_missing_spool_or_dead_letter_is_an_error(tmp_path):
    with pytest.raises(BridgeError, match=r"no spool in .*: the bridge has not run here"):
        read_dead_letter(tmp_path, 1)
    assert list(tmp_path.iterdir()) == []
    spool = opened(tmp_path)
    commit(spool, dead_letter())
    spool.close()
    with pytest.raises(BridgeError, match=r"no dead letter 7 in .*spool.db; it contains 1"):
        read_dead_letter(tmp_path, 7)


def test_file_that_is_no_database_is_reported_to_be_none(tmp_path):
    (tmp_path / "spool.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(BridgeError, match=r"spool.db cannot be read: file is not a database"):
        read_dead_letter(tmp_path, 1)


def wal_is_reset(folder):
    """Return whether a checkpoint can reset the log, which is not possible while a reader has a transaction."""
    with contextlib.closing(sqlite3.connect(folder / "spool.db")) as database:
        busy, _, _ = database.execute("pragma wal_checkpoint(truncate)").fetchone()
    return not busy


def test_reader_between_two_dead_letters_lets_the_log_be_reset(tmp_path):
    spool = opened(tmp_path)
    try:
        commit(spool, *[dead_letter(payload=b"x" * 1000) for _ in range(3)])
        reading = all_dead_letters(tmp_path)
        assert next(reading).number == 1
        commit(spool, dead_letter())
        assert wal_is_reset(tmp_path)
        assert [each.number for each in reading] == [2, 3, 4]
    finally:
        spool.close()


@pytest.mark.parametrize("limit", [{"PAGE_BYTES": 1500}, {"PAGE_DEAD_LETTERS": 2}])
def test_dead_letters_are_read_page_by_page(tmp_path, monkeypatch, limit):
    for name, value in limit.items():
        monkeypatch.setattr(read_only, name, value)
    spool = opened(tmp_path)
    commit(spool, *[dead_letter(payload=b"x" * 1000) for _ in range(7)])
    spool.close()
    assert [each.number for each in all_dead_letters(tmp_path)] == [1, 2, 3, 4, 5, 6, 7]


def test_check_beside_a_running_bridge_ends_before_the_log_grows(tmp_path, monkeypatch):
    spool = opened(tmp_path)
    try:
        commit(spool, *[dead_letter(payload=b"x" * 5000) for _ in range(2000)])
        assert integrity_errors(tmp_path) == []
        monkeypatch.setattr(read_only, "CHECK_SECS", -1.0)
        with pytest.raises(BridgeError, match="stop the bridge first"):
            integrity_errors(tmp_path)
    finally:
        spool.close()
    assert integrity_errors(tmp_path) == []


def test_lock_shows_whether_a_bridge_uses_the_spool(tmp_path):
    assert not is_in_use(tmp_path)
    spool = opened(tmp_path)
    assert is_in_use(tmp_path)
    spool.close()
    assert not is_in_use(tmp_path)
