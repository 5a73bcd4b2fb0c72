import sqlite3

from bridge.spool.ledger import STORED, UPSERT, Ledger, LedgerLine, LedgerRow


def test_line_balances_when_every_record_is_accounted_for():
    assert LedgerRow("m", "s", 10, 4, 3, 1, 1, 1).balanced
    assert not LedgerRow("m", "s", 10, 4, 3, 1, 1, 0).balanced


def test_values_stand_in_the_order_of_the_columns():
    counts = LedgerLine(**{name: number for number, name in enumerate(STORED)})
    assert counts.values() == tuple(range(11))


def test_transactions_changes_are_added():
    ledger, changes = Ledger(), Ledger()
    ledger.of(1, 1).received = 5
    changes.of(1, 1).received += 2
    changes.of(1, 2).filtered += 1
    ledger.add(changes)
    assert ledger.of(1, 1).received == 7
    assert ledger.of(1, 2).filtered == 1
    changes.of(1, 1).received += 100
    assert ledger.of(1, 1).received == 7


def test_database_adds_and_never_overwrites():
    database = sqlite3.connect(":memory:")
    database.execute(f"create table ledger(mapping, stream, {', '.join(STORED)}, primary key(mapping, stream))")
    database.execute(UPSERT, (1, 1, *range(11)))
    database.execute(UPSERT, (1, 1, *range(11)))
    assert database.execute("select * from ledger").fetchall() == [(1, 1, *range(0, 22, 2))]
