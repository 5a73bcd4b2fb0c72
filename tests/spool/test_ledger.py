from bridge.spool.ledger import STORED, Ledger, LedgerLine, LedgerRow


def test_ledger_row_balances_when_every_record_is_accounted_for():
    assert LedgerRow("m", "s", 10, 4, 3, 1, 1, 1).balanced
    assert not LedgerRow("m", "s", 10, 4, 3, 1, 1, 0).balanced


def test_ledger_values_are_in_the_order_of_the_columns():
    counts = LedgerLine(**{name: number for number, name in enumerate(STORED)})
    assert counts.values() == tuple(range(11))


def test_ledger_adds_the_changes_of_a_transaction():
    ledger, changes = Ledger(), Ledger()
    ledger.of(1, 1).received = 5
    changes.of(1, 1).received += 2
    changes.of(1, 2).filtered += 1
    ledger.add(changes)
    assert ledger.of(1, 1).received == 7
    assert ledger.of(1, 2).filtered == 1
    changes.of(1, 1).received += 100
    assert ledger.of(1, 1).received == 7


def test_rows_of_changed_lines_have_the_sums_and_the_number_of_lines():
    ledger, changes = Ledger(), Ledger()
    ledger.of(1, 1).received = 5
    ledger.of(1, 2).received = 3
    changes.of(1, 1).received = 2
    assert [row[:3] + row[-1:] for row in ledger.rows_with(changes)] == [(1, 1, 7, 2)]
    changes.of(2, 1).filtered = 1
    assert [row[:3] + row[-1:] for row in ledger.rows_with(changes)] == [(1, 1, 7, 3), (1, 2, 3, 3), (2, 1, 0, 3)]
    assert ledger.of(1, 1).received == 5


def test_new_line_of_a_large_ledger_does_not_rewrite_it():
    ledger, changes = Ledger(), Ledger()
    for number in range(100):
        ledger.of(number, 1).received = 1
    changes.of(100, 1).received = 1
    assert [row[:3] + row[-1:] for row in ledger.rows_with(changes)] == [(100, 1, 1, 101)]
