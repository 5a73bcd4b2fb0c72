"""Committed records are on the disk after a failed sync, a kill, a new start, and then a power cut.

The system calls are those of real processes. In each process, another sync fails. The disk is a model.
"""

import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.harness.bridge_process import ROOT
from tests.spool.builders import assert_ledger_balanced, opened, take_all
from tests.spool.model_disk import TRACE, ModelDisk

FAILING = 40
"""Number of the sync that strace lets fail.

Each process first syncs an unrelated file several times, so that in each process another sync of the spool fails.
"""
PLACES = (2, 4, 9, 11, 12, 14, 15, 20, 21, 27)
"""Numbers of the syncs of the spool that fail.

The first ones sync the folder and the new database. Then follow the header of the log, the first transactions, and
commits. Syncs 20 and 27 sync the database in a checkpoint.
"""
LIVES = """
import os, signal, sys
from pathlib import Path
from bridge.errors import SpoolWriteError
from bridge.spool.database import database_file
from bridge.spool.opening import open_spool
from bridge.spool.settings import SpoolSettings
from bridge.spool.database.transaction import Transaction

failing, folder, *places = int(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:])
def live(at, commits, *, patient, wal_pages):
    database_file.WAL_PAGES = wal_pages
    scratch = os.open("/dev/shm", os.O_RDONLY)
    for _ in range(failing if at is None else failing - at):
        try:
            os.fdatasync(scratch)
        except OSError:
            pass
    while True:
        try:
            spool = open_spool(SpoolSettings(path=place))
            queue, mapping = spool.queue("press"), spool.mapping_number("m")
            break
        except SpoolWriteError:
            if not patient:
                return
    while commits:
        if not queue.pending:
            queue.append(mapping, "k", bytes(3000))
        try:
            spool.commit(Transaction())
        except SpoolWriteError:
            if not patient:
                return
        else:
            commits -= 1
            os.write(1, f"{place.name} has {queue.next - 1}\\n".encode())

def in_a_process(*arguments, **options):
    child = os.fork()
    if not child:
        try:
            live(*arguments, **options)
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)

for at in places:
    for patient in (True, False):
        place = folder / f"{at}{'p' if patient else 'i'}"
        in_a_process(at, 12, patient=patient, wal_pages=25)  # few pages, so that checkpoints occur among these commits
        os.write(1, f"{place.name} died\\n".encode())
        in_a_process(None, 3, patient=False, wal_pages=2000)
        os.write(1, f"{place.name} ended\\n".encode())
"""


def traced(folder, record):
    folder.mkdir()
    injected = f"inject=fdatasync:error=EIO:when={FAILING}"
    command = ["strace", *TRACE, "-e", injected, "-o", record, sys.executable, "-c", LIVES]
    arguments = [str(FAILING), folder, *map(str, PLACES)]
    subprocess.run([*command, *arguments], check=True, cwd=ROOT, stdout=subprocess.DEVNULL, timeout=120)


def assert_found(folder, committed, when):
    """Assert that the next start finds all committed records after the power cut."""
    spool = opened(folder)
    assert spool.folder.quarantine_count() == 0, when
    assert_ledger_balanced(spool)
    numbers = [record.number for record in take_all(spool)]
    assert numbers == list(range(1, len(numbers) + 1)), when
    assert len(numbers) >= committed, f"{when}: {committed} were committed, and {len(numbers)} are found"
    spool.close()


@pytest.fixture
def memory():
    """A folder in memory, in which a sync takes no time."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def test_committed_records_survive_a_failed_sync(memory):
    traced(memory / "lives", memory / "calls")
    disk, committed, told = ModelDisk(memory / "lives"), dict[str, int](), 0
    for line in (memory / "calls").read_text().splitlines():
        disk.feed(line)
        for said in disk.said[told:]:
            place, what, *number = said.split()
            if what == "has":
                committed[place] = int(number[0])
            else:
                found = memory / f"{place} {what}"
                disk.cut_the_power(memory / "lives" / place, found, random.Random(said))
                assert_found(found, committed.get(place, 0), said)
        told = len(disk.said)
    assert disk.failed_syncs >= 2 * len(PLACES)
    assert sum(committed.values()) > 15 * len(PLACES)
