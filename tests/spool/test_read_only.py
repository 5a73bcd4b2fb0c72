import pytest

from bridge.errors import BridgeError
from bridge.spool.database.transaction import Transaction
from bridge.spool.read_only import read_dead_letter
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


def test_what_is_not_there_is_reported(tmp_path):
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
