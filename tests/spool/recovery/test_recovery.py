"""Recovery after SIGKILL at any time, and from files that are damaged, no spool, or of another format.

No record is lost, and no file is deleted.
"""

import gc
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bridge.errors import SpoolCorrupt, SpoolWriteError
from bridge.spool import store
from bridge.spool.database import database_file
from bridge.spool.database.tables import META
from bridge.spool.database.transaction import Transaction
from bridge.spool.opening import open_spool
from bridge.spool.settings import SpoolSettings
from tests.spool.builders import append, assert_ledger_balanced, data_of, opened, put, settle, take, take_all

COMMITTING = """
import sys
from pathlib import Path
from bridge.spool.opening import open_spool
from bridge.spool.settings import SpoolSettings
from bridge.spool.database.transaction import Transaction

spool = open_spool(SpoolSettings(path=Path(sys.argv[1])))
queue, mapping = spool.queue("press"), spool.mapping_number("m")
print(f"made {queue.next - 1}", flush=True)
while True:
    for _ in range(7):
        queue.append(mapping, None, b"%d" % queue.next)
    transaction = Transaction()
    transaction.filtered[mapping, queue.number] += 3
    records = queue.take_batch(5, 1 << 20)
    queue.settle(records[:2], [(record, "too_large", "") for record in records[2:3]])
    spool.commit(transaction)
    print(f"made {queue.next - 1}", flush=True)
    for record in records[:3]:
        print(f"settled {record.number}", flush=True)
"""


def killed_after(folder, secs):
    """Kill a process that commits in a loop.

    Return the last number that it has committed, and the numbers that it has settled.
    """
    with subprocess.Popen([sys.executable, "-c", COMMITTING, folder], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline().startswith("made")
        killer = threading.Timer(secs, child.send_signal, [signal.SIGKILL])
        killer.start()
        said = [line.split() for line in child.stdout if line.endswith("\n")]
    killer.join()
    made = [int(number) for what, number in said if what == "made"]
    return max(made, default=0), {int(number) for what, number in said if what == "settled"}


def test_committed_records_survive_a_kill_at_any_instant(tmp_path):
    chance = random.Random(20_260_131)
    made, settled = 0, set()
    for _ in range(8):
        last, gone = killed_after(tmp_path, chance.uniform(0.0, 0.12))
        made, settled = max(made, last), settled | gone
        spool = opened(tmp_path)
        assert_ledger_balanced(spool)
        assert spool.folder.quarantine_count() == 0
        numbers = [record.number for record in take_all(spool)]
        assert numbers == sorted(set(numbers))
        assert not settled.intersection(numbers)
        [row] = spool.ledger_rows()
        assert row.received == spool.queue("press").next - 1 + row.filtered
        assert spool.queue("press").next - 1 >= made
        assert len(numbers) == row.spooled == row.received - row.filtered - row.delivered - row.dead_lettered
        assert spool.dead_letter_counts.count == row.dead_lettered
        spool.close()
    assert made > 100


def set_aside_folder(spool):
    [folder] = spool.folder.path.glob("damaged-*")
    return folder


def assert_begun_empty(spool):
    assert spool.ledger_rows() == []
    put(spool, b"new")
    assert data_of(take(spool)) == [b"new"]
    assert_ledger_balanced(spool)


@pytest.mark.parametrize(
    "content", [b"this is no database" * 1000, b"\x00" * 8192, b"SQLite format 3\x00" + b"\xff" * 9000]
)
def test_file_that_is_no_database_is_set_aside(tmp_path, caplog, content):
    (tmp_path / "spool.db").write_bytes(content)
    spool = opened(tmp_path)
    assert (set_aside_folder(spool) / "spool.db").read_bytes() == content
    assert spool.folder.quarantine_count() == 1
    assert "damaged spool moved to quarantine" in caplog.text
    assert_begun_empty(spool)
    spool.close()


def test_database_of_another_program_is_set_aside(tmp_path):
    foreign = sqlite3.connect(tmp_path / "spool.db")
    foreign.executescript("create table recipes(name); insert into recipes values ('soup');")
    foreign.close()
    spool = opened(tmp_path)
    kept = sqlite3.connect(set_aside_folder(spool) / "spool.db")
    assert kept.execute("select name from recipes").fetchall() == [("soup",)]
    kept.close()
    assert_begun_empty(spool)
    spool.close()


def filled(path, count=3000):
    spool = opened(path)
    put(spool, *(b"%d" % number + bytes(200) for number in range(count)))
    spool.close()


@pytest.mark.parametrize(("keep", "salvaged"), [(9 * 4096 + 100, 0), (-4096, 2_980), (-1, 2_999)])
def test_truncated_file_is_quarantined_and_the_rest_salvaged(tmp_path, keep, salvaged):
    filled(tmp_path)
    file = tmp_path / "spool.db"
    file.write_bytes(file.read_bytes()[:keep])
    size = file.stat().st_size
    spool = opened(tmp_path)
    assert (set_aside_folder(spool) / "spool.db").stat().st_size >= size
    found = take_all(spool)
    assert len(found) >= salvaged
    assert sum(row.damaged for row in spool.ledger_rows()) + len(found) in (3_000, len(found))
    assert_ledger_balanced(spool)
    spool.close()


def test_empty_file_of_a_used_spool_is_damage(tmp_path, caplog):
    filled(tmp_path, 5)
    (tmp_path / "spool.db").write_bytes(b"")
    spool = opened(tmp_path)
    assert spool.folder.quarantine_count() == 1
    assert "spool.db is empty, although it was in use" in caplog.text
    assert "the number of lost records is unknown" in caplog.text
    spool.close()
    again = opened(tmp_path)
    assert again.folder.quarantine_count() == 1
    again.close()


def test_damage_found_while_reading_ends_the_run_and_is_salvaged(tmp_path, monkeypatch):
    filled(tmp_path)
    file = tmp_path / "spool.db"
    content = bytearray(file.read_bytes())
    for page in range(20, len(content) // 4096 - 10):  # not at the ends of the queue, which are read when it is opened
        content[page * 4096 : page * 4096 + 100] = b"\xff" * 100
    file.write_bytes(content)
    with monkeypatch.context() as patched:  # as if the verification at the start ended before the damage
        patched.setattr(store, "verify", lambda *_: None)
        spool = opened(tmp_path)
    with pytest.raises(SpoolCorrupt):
        take_all(spool)
    assert spool.commit_due
    with pytest.raises(SpoolCorrupt):
        spool.commit(Transaction())
    spool.close()
    again = opened(tmp_path)
    assert set_aside_folder(again)
    [row] = again.ledger_rows()
    assert (row.received, row.spooled + row.damaged) == (3_000, 3_000)
    assert row.damaged > 1_000
    again.close()
    last = opened(tmp_path)
    assert last.folder.quarantine_count() == 1
    last.close()


def test_damaged_record_is_not_handed_out(tmp_path, monkeypatch):
    filled(tmp_path, 100)
    database = sqlite3.connect(tmp_path / "spool.db")
    with database:
        database.execute("update queue_1 set data = x'00' where number = 50")
    database.close()
    with monkeypatch.context() as patched:
        patched.setattr(store, "verify", lambda *_: None)
        spool = opened(tmp_path)
    with pytest.raises(SpoolCorrupt, match="record 50 in table queue_1 is damaged"):
        take_all(spool)
    spool.close()
    again = opened(tmp_path)
    assert data_of(take_all(again)) == [b"%d" % number + bytes(200) for number in range(100) if number != 49]
    assert again.ledger_rows()[0].damaged == 1
    again.close()


def test_damaged_spools_are_set_aside_side_by_side(tmp_path):
    for _ in range(3):
        (tmp_path / "spool.db").write_bytes(b"garbage" * 1000)
        for name in ("spool.db-wal", "spool.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        spool = opened(tmp_path)
        spool.close()
    assert len(list(tmp_path.glob("damaged-*/spool.db"))) == 3


def test_newer_format_is_refused_and_not_changed(tmp_path):
    filled(tmp_path, 5)
    mark_format(tmp_path, database_file.VERSION + 1)
    with pytest.raises(SpoolWriteError, match=r"was written by a newer version of this program.*install that version"):
        opened(tmp_path)
    mark_format(tmp_path, database_file.VERSION)
    spool = opened(tmp_path)
    assert len(take(spool)) == 5
    spool.close()


def mark_format(folder, version):
    database = sqlite3.connect(folder / "spool.db", isolation_level=None)
    database.execute(f"pragma user_version={version}")
    META.write(database, [("format", f"{version}")])
    database.close()


def test_refused_spool_can_be_opened_afterwards(tmp_path):
    (tmp_path / "spool.db").mkdir()
    with pytest.raises(SpoolWriteError):
        opened(tmp_path)
    (tmp_path / "spool.db").rmdir()
    opened(tmp_path).close()


def test_kill_before_the_tables_are_made_leaves_a_usable_spool(tmp_path):
    (tmp_path / "spool.db").touch()
    spool = opened(tmp_path)
    assert spool.folder.quarantine_count() == 0
    assert_begun_empty(spool)
    spool.close()


def test_disk_is_synchronised_at_every_commit(tmp_path):
    spool = open_spool(SpoolSettings(path=tmp_path))
    assert spool._database.execute("pragma synchronous").fetchone() == (2,)
    assert spool._database.execute("pragma journal_mode").fetchone() == ("wal",)
    spool.close()


def descriptors():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_disk_that_is_full_for_long_costs_no_descriptors(tmp_path):
    spool = opened(tmp_path)
    put(spool, b"before")
    append(spool, *[bytes(1000)] * 10)
    limits, open_at_first = resource.getrlimit(resource.RLIMIT_FSIZE), descriptors()
    gc.disable()  # the garbage collector would close leaked descriptors
    try:
        for _ in range(20):
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
            with pytest.raises(SpoolWriteError):
                spool.commit(Transaction())
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert descriptors() <= open_at_first + 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        gc.enable()
    spool.commit(Transaction())
    assert len(take_all(spool)) == 11
    spool.close()


def test_file_shrinks_without_new_messages(tmp_path):
    spool = opened(tmp_path)
    for _ in range(20):
        put(spool, *[bytes(1000)] * 2000)
    largest = (tmp_path / "spool.db").stat().st_size
    settle(spool, take_all(spool))
    for _ in range(60):
        if spool.commit_due:
            spool.commit(Transaction())
    assert not spool.commit_due
    assert (tmp_path / "spool.db").stat().st_size < 0.15 * largest
    spool.close()
