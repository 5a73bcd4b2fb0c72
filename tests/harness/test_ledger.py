import pytest

from bridge.spool.database.transaction import Transaction
from bridge.spool.opening import open_spool
from bridge.spool.settings import SpoolSettings
from tests.harness.ledger import LedgerState, read_ledger


@pytest.fixture
def spool(tmp_path):
    spool = open_spool(SpoolSettings(path=tmp_path))
    yield spool
    spool.close()


def append(spool, count):
    mapping, queue = spool.mapping_number("press"), spool.queue("telemetry")
    for number in range(count):
        queue.append(mapping, f"press{number}", b"{}")
    spool.commit(Transaction())


def test_ledger_is_read_while_the_bridge_has_the_spool_open(spool, tmp_path):
    append(spool, 3)
    ledger = read_ledger(tmp_path)
    assert ledger.lines["press", "telemetry"]["received"] == 3
    assert (ledger.total("spooled"), ledger.in_queues, ledger.dead_letters) == (3, 3, 0)
    ledger.check()


def test_ledger_is_read_after_the_bridge_has_ended(tmp_path):
    spool = open_spool(SpoolSettings(path=tmp_path))
    append(spool, 2)
    spool.close()
    assert read_ledger(tmp_path).in_queues == 2


def line(**counts):
    names = ("received", "delivered", "filtered", "dead_lettered", "dropped", "spooled")
    return {("press", "telemetry"): dict.fromkeys(names, 0) | counts}


def test_ledger_that_balance_pass():
    row = line(received=5, delivered=2, filtered=1, dead_lettered=1, spooled=1)
    LedgerState(row, in_queues=1, dead_letters=1).check()


def test_record_that_is_nowhere_fails():
    with pytest.raises(AssertionError):
        LedgerState(line(received=5, delivered=4), in_queues=0, dead_letters=0).check()


def test_queue_that_holds_less_than_is_reported_to_be_spooled_fails():
    with pytest.raises(AssertionError):
        LedgerState(line(received=5, delivered=4, spooled=1), in_queues=0, dead_letters=0).check()
