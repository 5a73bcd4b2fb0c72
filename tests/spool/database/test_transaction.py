from bridge.spool.database.transaction import Transaction, pending_bytes
from tests.spool.builders import dead_letter, opened


def test_empty_transaction_reports_it():
    assert Transaction().empty
    changes = [{"dead_letters": [dead_letter()]}, {"removed": {1: dead_letter()}}, {"amended": [("c", "d", 1)]}]
    for options in (*changes, {"qos2_ids": {1: False}}, {"clear_qos2_ids": True}):
        assert not Transaction(**options).empty
    assert not Transaction(broker_filters=frozenset()).empty
    counted = Transaction()
    counted.filtered[1, 1] += 1
    assert not counted.empty


def test_pending_bytes_are_near_the_size_on_disk(tmp_path):
    spool = opened(tmp_path)
    queue = spool.queue("press")
    for _ in range(1000):
        queue.append(1, None, bytes(200))
    guessed = pending_bytes([queue], Transaction(dead_letters=[dead_letter(payload=bytes(100_000))]))
    spool._database.execute("pragma wal_checkpoint(truncate)").fetchall()
    before = spool.used_bytes
    spool.commit(Transaction(dead_letters=[dead_letter(payload=bytes(100_000))]))
    spool._database.execute("pragma wal_checkpoint(truncate)").fetchall()
    assert 0.8 < (spool.used_bytes - before) / guessed < 1.25
    spool.close()
