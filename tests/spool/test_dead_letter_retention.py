"""Dead letters have a separate limit. Above this limit, the oldest dead letters are evicted and counted."""

import logging

from bridge.spool.database.transaction import Transaction
from bridge.spool.dead_letters import DEAD_LETTER_BYTES, measure_dead_letters
from tests.spool.builders import assert_ledger_balanced, dead_letter, opened, put


def rejected(spool, count, size=10_000, **fields):
    number, queue = spool.mapping_number("m"), spool.queue("press")
    for _ in range(count):
        transaction = Transaction(dead_letters=[dead_letter(payload=bytes(size), total_bytes=size, **fields)])
        transaction.dead_lettered[number, queue.number] += 1
        spool.commit(transaction)


def test_oldest_are_evicted_and_are_counted(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    spool = opened(tmp_path, max_dead_letter_bytes=1 << 20)
    put(spool, b"1")
    rejected(spool, 250)
    [row] = spool.ledger_rows()
    assert row.dead_lettered == 250
    assert row.evicted == spool.dead_letter_counts.evicted == 250 - spool.dead_letter_counts.count > 0
    assert (spool.dead_letter_counts.count, spool.dead_letter_counts.size) == measure_dead_letters(spool._database)
    assert spool.dead_letter_counts.size <= 1 << 20
    newest = [number for number, _ in spool.newest_dead_letters(1000)]
    assert newest == list(range(250, row.evicted, -1))
    assert "max_dead_letter_bytes" in caplog.text
    assert_ledger_balanced(spool)
    spool.close()


def test_oldest_dead_letters_are_evicted_whatever_the_clock_showed(tmp_path):
    spool = opened(tmp_path, max_dead_letter_bytes=1 << 20)
    for day in (20_000, 40_000, 3):  # the clock is set forward, and then back
        rejected(spool, 80, received_at_ms=day * 86_400_000)
    evicted = spool.dead_letter_counts.evicted
    assert [number for number, _ in spool.newest_dead_letters(1000)] == list(range(240, evicted, -1))
    spool.close()


def test_dead_letters_within_the_bound_are_not_evicted(tmp_path):
    spool = opened(tmp_path, max_dead_letter_bytes=1 << 20)
    rejected(spool, 90)
    assert spool.dead_letter_counts.evicted == 0
    assert spool.dead_letter_counts.count == 90
    spool.close()


def test_measure_is_stored_over_a_restart(tmp_path):
    spool = opened(tmp_path)
    rejected(spool, 3, size=1000, topic="plant/Öl", properties={"user_properties": {"Größe": "ä"}})
    before = spool.dead_letter_counts.count, spool.dead_letter_counts.size
    spool.close()
    spool = opened(tmp_path)
    assert (spool.dead_letter_counts.count, spool.dead_letter_counts.size) == before
    assert before[0] == 3
    assert before[1] >= 3 * (1000 + DEAD_LETTER_BYTES)
    spool.close()


def test_evicted_dead_letter_is_restored_when_the_transaction_fails(tmp_path):
    spool = opened(tmp_path, max_dead_letter_bytes=1 << 20)
    rejected(spool, 99)
    before = spool.dead_letter_counts.count
    spool._database.execute("create temp trigger stop before insert on ledger begin select raise(abort, 'no'); end")
    spool._database.execute("create temp trigger halt before update on ledger begin select raise(abort, 'no'); end")
    number, queue = spool.mapping_number("m"), spool.queue("press")
    transaction = Transaction(dead_letters=[dead_letter(payload=bytes(100_000))])
    transaction.dead_lettered[number, queue.number] += 1
    try:
        spool.commit(transaction)
    except Exception as error:  # noqa: BLE001 - whatever it is, nothing may be lost by it
        failed = str(error)
    assert "no" in failed
    assert (
        spool.dead_letter_counts.count
        == before
        == spool.reading._database.execute("select count(*) from dead_letters").fetchone()[0]
    )
    spool.close()


def test_dead_letters_have_a_quarter_of_a_small_spool(tmp_path):
    spool = opened(tmp_path, max_bytes=4 << 20, max_dead_letter_bytes=256 << 20, when_full="block")
    # Without the limit, dead letters would fill the spool, and no record would be accepted any more.
    rejected(spool, 60, size=100_000)
    assert spool.dead_letter_counts.size <= 1 << 20
    put(spool, b"1")
    spool.close()


def test_newest_of_few_large_dead_letters_stay(tmp_path):
    spool = opened(tmp_path, max_bytes=64 << 20, max_dead_letter_bytes=1 << 20)
    rejected(spool, 11, size=100_000)
    assert [number for number, _ in spool.newest_dead_letters(100)] == list(range(11, 2, -1))
    assert spool.dead_letter_counts.evicted == 2
    spool.close()


def test_payload_larger_than_a_quarter_of_the_bound_is_cut(tmp_path):
    spool = opened(tmp_path, max_bytes=64 << 20, max_dead_letter_bytes=1 << 20)
    rejected(spool, 1, size=3 << 20)
    [(_, found)] = spool.newest_dead_letters(100)
    assert (len(found.payload), found.total_bytes) == (1 << 18, 3 << 20)
    spool.close()
