"""State of a worker that has not reported yet."""

import os

import pytest

from bridge.config import load_settings
from bridge.spool.database.transaction import Transaction
from bridge.supervisor.snapshot_from_spool import snapshot_from_spool, stored_ledger
from tests.cli.builders import set_up
from tests.spool.builders import dead_letter, opened, put


@pytest.fixture
def settings(tmp_path):
    return load_settings(set_up(tmp_path), os.environ)


def test_snapshot_from_a_spool_has_its_ledger_and_dead_letters(settings):
    spool = opened(settings.spool.path)
    put(spool, b"1", b"2")
    spool.commit(Transaction(dead_letters=[dead_letter()]))
    size = (settings.spool.path / "spool.db").stat().st_size
    spool.close()
    snapshot = snapshot_from_spool(settings)
    assert (snapshot.total("spooled"), snapshot.dead_letter_count) == (2, 1)
    assert snapshot.spool_bytes >= size
    assert (snapshot.connected, snapshot.subscribed, snapshot.client_id) == (False, False, "test")
    assert snapshot.disk_free_bytes > 0


def test_snapshot_from_a_missing_spool_is_empty_and_creates_nothing(settings):
    snapshot = snapshot_from_spool(settings)
    assert (snapshot.ledger, snapshot.dead_letter_count, snapshot.spool_bytes) == ((), 0, 0)
    assert not settings.spool.path.exists()


@pytest.mark.parametrize("content", [b"", b"no database" * 100], ids=["empty", "garbage"])
def test_snapshot_from_an_unreadable_spool_has_no_ledger(settings, caplog, content):
    settings.spool.path.mkdir()
    (settings.spool.path / "spool.db").write_bytes(content)
    snapshot = snapshot_from_spool(settings)
    assert (snapshot.ledger, snapshot.dead_letter_count) == ((), 0)
    assert "spool.db cannot be read" in caplog.text


def test_stored_ledger_of_a_spool_in_use_is_the_last_commit(settings):
    spool = opened(settings.spool.path)
    put(spool, b"1")
    assert [row.spooled for row in stored_ledger(settings.spool.path)[0]] == [1]
    spool.close()
