import json
import sqlite3

from bridge.cli.spool import spool_status, verify_spool
from bridge.spool.transaction import Transaction
from tests.cli.setting import set_up
from tests.spool.spools import opened


def spooled(folder):
    """Three records of mapping `press` that wait, and two messages that were filtered."""
    config = set_up(folder)
    spool = opened(folder / "data")
    number, queue = spool.mapping_number("press"), spool.queue("telemetry")
    for data in (b"1", b"2", b"3"):
        queue.append(number, None, data)
    transaction = Transaction()
    transaction.filtered[number, queue.number] += 2
    spool.commit(transaction)
    return config, spool


def test_the_books_are_told_while_the_bridge_runs(tmp_path, capsys):
    config, spool = spooled(tmp_path)
    assert spool_status(config, as_json=False) == 0
    out = capsys.readouterr().out
    assert "telemetry: 3 records to be sent" in out
    assert "press → telemetry" in out
    assert "the books balance" in out
    assert spool_status(config, as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    (row,) = told["ledger"]
    assert (row["received"], row["spooled"], row["filtered"], told["queued"]) == (5, 3, 2, {"telemetry": 3})
    spool.close()


def test_a_whole_spool_is_verified(tmp_path, capsys):
    config, spool = spooled(tmp_path)
    assert verify_spool(config) == 0
    assert "whole" in capsys.readouterr().out
    spool.close()


def test_a_record_that_is_gone_without_a_word_is_found(tmp_path, capsys):
    config, spool = spooled(tmp_path)
    spool.close()
    database = sqlite3.connect(tmp_path / "data" / "spool.db")
    with database:
        (table,) = database.execute("select name from sqlite_master where name glob 'queue_*'").fetchone()
        database.execute(f"delete from {table} where number = 2")
    database.close()
    assert verify_spool(config) == 1
    assert "the books have 3 records spooled, and 2 are there" in capsys.readouterr().out
    assert spool_status(config, as_json=False) == 1


def test_books_that_do_not_balance_are_found(tmp_path, capsys):
    config, spool = spooled(tmp_path)
    spool.close()
    database = sqlite3.connect(tmp_path / "data" / "spool.db")
    with database:
        database.execute("update ledger set received = received + 1")
    database.close()
    assert verify_spool(config) == 1
    assert "received is not what became of it" in capsys.readouterr().out
