"""Drops by age and by size while some records are deferred on disk."""

import pytest

from bridge.errors import SpoolWriteError
from bridge.spool import retention
from bridge.spool.database import reader
from bridge.spool.database.transaction import Transaction
from bridge.spool.ledger import Ledger
from bridge.spool.queue.receive_times import RECEIVE_TIME_STEP_MS
from bridge.spool.retention import RecordDropper
from tests.spool.builders import append, assert_ledger_balanced, opened

pytestmark = pytest.mark.parametrize("live_first", [False, True])


class Filled:
    """A spool in which key `a` is deferred, although it has no records yet.

    A sender has taken 30 records of key `b`.
    """

    def __init__(self, folder, live_first):
        self.now_ms = 1_700_000_000_000
        self.spool = opened(folder, live_first=live_first)
        self.queue = self.spool.queue("press")
        self.queue._now_ms = lambda: self.now_ms
        self.queue.defer(lambda key: key == "a")
        self.put(30)
        self.take()

    def put(self, count, key="b"):
        append(self.spool, *[b"x"] * count, key=key)
        self.spool.commit(Transaction())

    def take(self):
        return [record.number for record in self.queue.take_batch(100, 1 << 20)]

    def dropping(self):
        self.spool._database.execute("begin immediate")
        return RecordDropper(self.spool._database, Ledger())


@pytest.fixture
def filled(tmp_path, live_first):
    found = Filled(tmp_path, live_first)
    yield found
    found.spool.close()


def test_age_of_records_in_flight_drops_nothing(filled):
    filled.now_ms += 10 * RECEIVE_TIME_STEP_MS
    filled.put(5)
    filled.now_ms += 10 * RECEIVE_TIME_STEP_MS
    filled.put(25)
    filled.spool.commit(Transaction(expire_before_ms=filled.now_ms - 5 * RECEIVE_TIME_STEP_MS))
    assert filled.spool.ledger_rows()[0].expired == 0
    assert filled.take() == [*range(31, 61)]


def test_deferred_record_is_dropped_for_its_age(filled):
    filled.put(5, "a")
    filled.take()
    filled.now_ms += 10 * RECEIVE_TIME_STEP_MS
    filled.put(5, "a")
    filled.spool.commit(Transaction(expire_before_ms=filled.now_ms))
    assert filled.spool.ledger_rows()[0].expired == 5
    assert filled.take() == [*range(36, 41)]
    assert_ledger_balanced(filled.spool)


def test_drop_continues_if_the_oldest_numbers_have_no_records(filled, monkeypatch):
    monkeypatch.setattr(retention, "_DROPPED_AT_ONCE", 10)
    monkeypatch.setattr(reader, "PAGE_RECORDS", 5)
    filled.put(30)
    there = "select count(*) from queue_1"
    dropping = filled.dropping()
    dropping.make_room([filled.queue], lambda: filled.spool._database.execute(there).fetchone()[0] > 45)
    assert filled.spool._database.execute(there).fetchone()[0] in range(36, 46)
    filled.spool._database.execute("rollback")
    dropping.failed()
    assert sorted(filled.take()) == [*range(31, 61)]


def test_drop_ends_if_senders_have_all_records(filled):
    dropping = filled.dropping()
    dropping.make_room([filled.queue], lambda: True)
    filled.spool._database.execute("rollback")
    dropping.failed()
    filled.put(1)
    assert filled.take() == [31]


def test_disk_that_cannot_be_read_while_room_is_made_holds_nothing_back(filled):
    def fails(*_, **__):
        raise SpoolWriteError("the disk is gone")

    filled.put(5)
    filled.queue._read, read = fails, filled.queue._read
    dropping = filled.dropping()
    with pytest.raises(SpoolWriteError):
        dropping.make_room([filled.queue], lambda: True)
    filled.spool._database.execute("rollback")
    dropping.failed()
    filled.queue._read = read
    assert filled.take() == [*range(31, 36)]
