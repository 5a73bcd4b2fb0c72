"""Damaged spools: readable records are copied, lost records are counted, and the damaged files stay."""

import os
import random
import sqlite3
from contextlib import closing

import pytest

from bridge.spool.database.transaction import Transaction
from bridge.spool.recovery import salvage as module
from tests.spool.builders import (
    append,
    assert_ledger_balanced,
    data_of,
    dead_letter,
    opened,
    put,
    settle,
    take,
    take_all,
)

COUNT = 3_000


def filled(folder, count=COUNT):
    """Create a spool with records of two mappings in two streams, some of them delivered, and dead letters."""
    spool = opened(folder)
    for first in range(0, count, 100):
        append(spool, *[b"%06d " % number + bytes(300) for number in range(first, first + 100)])
        append(spool, b"%06d" % first, stream="oven", mapping="n", key="ä")
        spool.commit(Transaction())
    settle(spool, take(spool, 50))
    transaction = Transaction(
        dead_letters=[dead_letter(payload=b"a"), dead_letter(payload=b"b"), dead_letter(payload=b"c")]
    )
    place = spool.mapping_number("m"), spool.queue("press").number
    transaction.dead_lettered[place] += 3
    transaction.filtered[place] += 7
    transaction.qos2_ids[77] = True
    transaction.broker_filters = frozenset({"plant/#"})
    spool.commit(transaction)
    spool.state("m").put("k", b"remembered")
    spool.commit(Transaction())
    spool._database.execute("pragma wal_checkpoint(truncate)").fetchall()
    spool.close()


def damage(folder, chance, places):
    """Overwrite 64 bytes with garbage at this number of positions. The first tenth of the file stays intact."""
    size = (folder / "spool.db").stat().st_size
    with (folder / "spool.db").open("r+b") as file:
        for _ in range(places):
            file.seek(chance.randrange(size // 10, size))
            file.write(chance.randbytes(64))


def row(spool, mapping="m"):
    return next(each for each in spool.ledger_rows() if each.mapping == mapping)


def reopened(folder):
    """Open the spool as the bridge does after it has found damage."""
    spool = opened(folder)
    if spool.folder.quarantine_count() == 0:
        spool.folder.mark_damaged("found while reading")
        spool.close()
        spool = opened(folder)
    return spool


def test_salvage_of_an_intact_spool_loses_nothing(tmp_path):
    filled(tmp_path)
    spool = reopened(tmp_path)
    assert [data[:6] for data in data_of(take_all(spool))] == [b"%06d" % number for number in range(50, COUNT)]
    oven = take_all(spool, stream="oven")
    assert len(oven) == COUNT // 100
    assert {record.key for record in oven} == {"ä"}
    press = row(spool)
    assert (press.received, press.delivered, press.filtered, press.dead_lettered) == (COUNT + 10, 50, 7, 3)
    assert (press.dropped, press.damaged) == (0, 0)
    assert [each.dead_letter.payload for each in spool.newest_dead_letters(5)] == [b"c", b"b", b"a"]
    assert spool.open_qos2_ids == {77}
    assert spool.broker_filters == {"plant/#"}
    assert spool.state("m").get("k") == b"remembered"
    assert_ledger_balanced(spool)
    spool.close()
    assert opened(tmp_path).open_qos2_ids == {77}


@pytest.mark.parametrize("seed", range(6))
def test_salvage_of_a_damaged_spool_counts_the_loss(tmp_path, seed):
    filled(tmp_path)
    chance = random.Random(seed)
    size = (tmp_path / "spool.db").stat().st_size
    damage(tmp_path, chance, 3)
    spool = reopened(tmp_path)
    found = [int(data[:6]) for data in data_of(take_all(spool)) if data[:6].isdigit()]
    assert found == sorted(found)
    assert len(found) > COUNT * 9 // 10
    press = row(spool)
    if press.received:
        assert press.received == COUNT + 10
        assert press.dropped == press.damaged == COUNT - 50 - press.spooled
    assert_ledger_balanced(spool)
    [aside] = tmp_path.glob("damaged-*")
    assert (aside / "spool.db").stat().st_size == size
    spool.close()


@pytest.mark.parametrize("keep", [0, 100, 4096, 50_000])
def test_spool_with_a_truncated_file_starts(tmp_path, keep):
    filled(tmp_path)
    os.truncate(tmp_path / "spool.db", keep)
    spool = reopened(tmp_path)
    put(spool, b"new")
    assert b"new" in data_of(take_all(spool))
    assert_ledger_balanced(spool)
    spool.close()


def test_foreign_file_has_nothing_to_salvage(tmp_path):
    database = sqlite3.connect(tmp_path / "spool.db")
    database.execute("create table accounts(name)")
    database.close()
    spool = opened(tmp_path)
    assert spool.ledger_rows() == []
    assert spool.folder.quarantine_count() == 1
    spool.close()


def test_salvage_continues_where_it_was_killed(tmp_path, monkeypatch):
    filled(tmp_path)
    spool = opened(tmp_path)
    spool.folder.mark_damaged("found while reading")
    spool.close()
    monkeypatch.setattr(module, "RANGE", 500)
    spools, commit = [], type(spool).commit

    def dies(self, transaction):
        commit(self, transaction)
        spools.append(self)
        if len(spools) == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(type(spool), "commit", dies)
        with pytest.raises(KeyboardInterrupt):
            opened(tmp_path)
    spools[-1].reading.close()  # the kernel does the same for a killed process
    spools[-1]._database.close()
    spool = opened(tmp_path)
    assert [data[:6] for data in data_of(take_all(spool))] == [b"%06d" % number for number in range(50, COUNT)]
    assert (row(spool).received, row(spool).damaged) == (COUNT + 10, 0)
    assert spool.dead_letter_counts.count == 3
    assert_ledger_balanced(spool)
    spool.close()
    assert not list(tmp_path.glob("damaged-*/salvage.unfinished"))


def damaged_root(folder):
    """Fill a spool, and overwrite the root page of a queue's table with zeros."""
    filled(folder)
    with closing(sqlite3.connect(folder / "spool.db")) as database:
        (root,) = database.execute("select rootpage from sqlite_master where name = 'queue_1'").fetchone()
    with (folder / "spool.db").open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(bytes(4096))


def test_damaged_root_page_loses_nothing(tmp_path):
    damaged_root(tmp_path)
    spool = reopened(tmp_path)
    assert [data[:6] for data in data_of(take_all(spool))] == [b"%06d" % number for number in range(50, COUNT)]
    assert row(spool).damaged == 0
    assert_ledger_balanced(spool)
    spool.close()


def test_salvage_keeps_no_state_of_the_damaged_spool(tmp_path):
    """The first queue is read before the damage of the second queue is found.

    In the new spool, its number belongs to another stream.
    """
    filled(tmp_path)
    database = sqlite3.connect(tmp_path / "spool.db")
    root, page = database.execute("select rootpage from sqlite_master where name = 'queue_2'").fetchone()[0], 4096
    database.close()
    with (tmp_path / "spool.db").open("r+b") as file:
        file.seek((root - 1) * page)
        file.write(b"\xff")
    spool = opened(tmp_path)
    assert spool.folder.quarantine_count() == 1
    assert_ledger_balanced(spool)
    put(spool, b"new", stream="third")
    put(spool, b"more")
    before = spool.ledger_rows()
    spool.close()
    again = opened(tmp_path)
    assert again.folder.quarantine_count() == 1
    assert again.ledger_rows() == before
    assert len(take_all(again)) == COUNT - 50 + 1
    again.close()


def test_lost_records_are_logged(tmp_path, caplog):
    filled(tmp_path, 500)
    with closing(sqlite3.connect(tmp_path / "spool.db")) as database, database:
        database.execute("delete from queue_1 where number between 100 and 109")
        database.execute("delete from dead_letters where number = 2")
    spool = opened(tmp_path)
    [aside] = tmp_path.glob("damaged-*")
    for report in (caplog.text, (aside / "salvage.txt").read_text()):
        assert "445 records and 2 dead letters salvaged; 11 were lost" in report
    assert (row(spool).damaged, row(spool).dead_lettered) == (11, 2)
    assert_ledger_balanced(spool)
    spool.close()


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        ("update queue_1 set data = cast('text' as text) where number = 100", 1),
        ("update queue_1 set key = cast(x'ff6b' as text) where number = 100", 1),
        ("update queue_1 set mapping = 2 where number = 100", 1),
        ("update queue_1 set number = 100000 where number = 100", 1),
        ("update dead_letters set streams = 'no json' where number = 1", 1),
        ("update dead_letters set topic = cast(x'ff' as text) where number = 1", 1),
        ("update mappings set name = cast(x'ff' as text) where number = 1", 0),
        ("update meta set value = 'no json' where key like 'marks%'", 0),
        ("update meta set value = cast(x'ff' as text) where key = 'held_filters'", 0),
        ("update state set value = x'05'", 0),
        ("update unreleased set packet = 78", 0),
        ("pragma user_version = 77", 0),
        ("pragma application_id = 5", 0),
    ],
)
def test_changed_row_is_found_at_the_start_and_its_loss_counted(tmp_path, change, lost):
    filled(tmp_path, 300)
    with closing(sqlite3.connect(tmp_path / "spool.db", isolation_level=None)) as database:
        database.execute(change)
    spool = opened(tmp_path)
    assert spool.folder.quarantine_count() == 1
    press = sum(each.received for each in spool.ledger_rows())
    assert press == 300 + 10 + 3
    assert sum(each.damaged for each in spool.ledger_rows()) == lost
    assert len(take_all(spool)) + spool.dead_letter_counts.count == 250 + 3 - lost
    assert spool.state("m").get("k") in (b"remembered", None)
    assert_ledger_balanced(spool)
    spool.close()


@pytest.mark.parametrize(
    "change",
    [
        "update ledger set spooled = spooled - 1, delivered = delivered + 1 where stream = 2",
        "delete from ledger where stream = 2",
    ],
)
def test_damaged_ledger_makes_the_loss_a_minimum(tmp_path, caplog, change):
    filled(tmp_path, 300)
    with closing(sqlite3.connect(tmp_path / "spool.db", isolation_level=None)) as database:
        database.execute(change)
    spool = opened(tmp_path)
    assert "at least 0 were lost; the exact number is unknown" in caplog.text
    assert len(take_all(spool)) + len(take_all(spool, stream="oven")) == 250 + 3
    assert_ledger_balanced(spool)
    spool.close()


def test_exception_in_the_salvage_does_not_stop_the_start(tmp_path, monkeypatch, caplog):
    filled(tmp_path, 200)
    spool = opened(tmp_path)
    spool.folder.mark_damaged("found while reading")
    spool.close()
    with monkeypatch.context() as patched:
        patched.setattr(module._Salvage, "_salvage_dead_letters", lambda _work: 1 / 0)
        spool = opened(tmp_path)
        put(spool, b"new")
        assert "this is a bug" in caplog.text
        spool.close()
    spool = opened(tmp_path)
    assert spool.dead_letter_counts.count == 3
    assert len(take_all(spool)) == 150 + 1
    assert_ledger_balanced(spool)
    spool.close()
