"""The table in the documentation has all checks, and no failed check."""

from tests.brokers.battery import CHECKS
from tests.brokers.catalog import CATALOG
from tests.brokers.table import PAGE, rows_of, table


def test_table_has_every_check_and_known_brokers_only():
    rows = rows_of()
    assert rows.keys() <= {kind.name for kind in CATALOG}
    assert "mosquitto" in rows
    assert all(list(found) == list(CHECKS) for found in rows.values()), "run: make brokers"
    assert table(rows) in PAGE.read_text(encoding="utf-8")


def test_table_has_no_check_that_failed_by_the_bridge():
    assert [name for found in rows_of().values() for name, text in found.items() if "FAILED" in text] == []


def test_mosquitto_passes_every_check():
    different = {name: text for name, text in rows_of()["mosquitto"].items() if text != "yes"}
    assert different == {
        "MQTT version": "5",
        "overlapping filters one by one": "2 copies, distinguished",
        # mosquitto 2.0.11 grants denied filters, and closes the connection after a denied PUBLISH.
        "refused filter": "granted, and delivers nothing",
        "refused topic": "yes; publishing pauses after 3 ended connections",
    }
