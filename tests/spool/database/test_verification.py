import sqlite3

import pytest

from bridge.spool.database import verification
from bridge.spool.database.verification import verify
from tests.spool.builders import opened, put


@pytest.fixture
def spool(tmp_path):
    spool = opened(tmp_path)
    put(spool, *[b"%d" % number for number in range(100)])
    yield spool
    spool.close()


def verified(spool, **options):
    verify(spool._database, spool.ledger, spool.queues.values(), **options)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("delete from queue_1 where number = 7", "table queue_1 has 99 records, the ledger counts 100"),
        ("update queue_1 set data = x'00' where number = 7", "record 7 in table queue_1 is damaged"),
        ("update queue_1 set mapping = mapping + 1 where number = 7", "record 7 in table queue_1 is damaged"),
    ],
)
def test_verify_changed_records_raises(spool, change, words):
    verified(spool)
    spool._database.execute(change)
    with pytest.raises(sqlite3.DatabaseError, match=words):
        verified(spool)


def test_verify_ledger_that_does_not_balance_raises(spool):
    next(iter(spool.ledger.values())).received += 1
    with pytest.raises(sqlite3.DatabaseError, match="does not balance"):
        verified(spool)


def test_verify_ends_at_its_deadline_and_leaves_the_rest(spool, caplog, monkeypatch):
    caplog.set_level("INFO")
    monkeypatch.setattr(verification, "_INSTRUCTIONS", 1)
    times = iter([0.0])
    spool._database.execute("update queue_1 set data = x'00' where number = 100")
    verified(spool, clock=lambda: next(times, 10.0))
    assert "verified a part of the spool in 1 s" in caplog.text
