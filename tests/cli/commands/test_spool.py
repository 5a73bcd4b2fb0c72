import json
import sqlite3

from bridge.cli.commands.spool import spool_status, verify_spool
from bridge.spool.database.transaction import Transaction
from tests.cli.builders import set_up
from tests.spool.builders import opened


def spooled(folder):
    """Write a spool with three buffered records of the mapping `press`, and with two filtered messages."""
    config = set_up(folder)
    spool = opened(folder / "data")
    number, queue = spool.mapping_number("press"), spool.queue("telemetry")
    for data in (b"1", b"2", b"3"):
        queue.append(number, None, data)
    transaction = Transaction()
    transaction.filtered[number, queue.number] += 2
    spool.commit(transaction)
    return config, spool


def test_ledger_is_reported_while_the_bridge_runs(tmp_path, capsys):
    config, spool = spooled(tmp_path)
    assert spool_status(config, as_json=False) == 0
    out = capsys.readouterr().out
    assert "telemetry: 3 records buffered" in out
    assert "press → telemetry" in out
    assert "accounting OK" in out
    assert spool_status(config, as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema_version"] == 1
    (spool_value,) = document["spools"]
    (row,) = spool_value["ledger"]
    assert (row["received"], row["spooled"], row["filtered"], spool_value["queued"]) == (5, 3, 2, {"telemetry": 3})
    spool.close()


def test_complete_spool_is_verified(tmp_path, capsys):
    config, spool = spooled(tmp_path)
    assert verify_spool(config) == 0
    assert "OK        " in capsys.readouterr().out
    spool.close()


def test_record_that_is_missing_in_the_queue_is_found(tmp_path, capsys):
    config, spool = spooled(tmp_path)
    spool.close()
    database = sqlite3.connect(tmp_path / "data" / "spool.db")
    with database:
        (table,) = database.execute("select name from sqlite_master where name glob 'queue_*'").fetchone()
        database.execute(f"delete from {table} where number = 2")
    database.close()
    assert verify_spool(config) == 1
    assert "the ledger counts 3 buffered records, the queue has 2" in capsys.readouterr().out
    assert spool_status(config, as_json=False) == 1


def test_ledger_that_is_not_balanced_is_found(tmp_path, capsys):
    config, spool = spooled(tmp_path)
    spool.close()
    database = sqlite3.connect(tmp_path / "data" / "spool.db")
    with database:
        database.execute("update ledger set received = received + 1")
    database.close()
    assert verify_spool(config) == 1
    assert "6 received, 5 accounted for, off by +1" in capsys.readouterr().out


def test_spool_status_of_workers_reports_each_and_the_sum(tmp_path, capsys):
    config = set_up(tmp_path)
    for number, count in ((1, 2), (2, 3)):
        spool = opened(tmp_path / "data" / f"worker-{number}")
        for _ in range(count):
            spool.queue("telemetry").append(spool.mapping_number("press"), None, b"{}")
        spool.commit(Transaction())
        spool.close()
    assert spool_status(config, as_json=False) == 0
    first, second, both = capsys.readouterr().out.split("\n\n")
    assert "worker-1" in first
    assert "stream    telemetry: 3 records buffered" in second
    assert both.startswith("spool     all 2 spools: ")
    assert "stream    telemetry: 5 records buffered" in both
    assert "accounting OK" in both
    assert spool_status(config, 2, as_json=False) == 0
    assert "all 2" not in capsys.readouterr().out
    assert spool_status(config, as_json=True) == 0
    assert [each["queued"]["telemetry"] for each in json.loads(capsys.readouterr().out)["spools"]] == [2, 3]
