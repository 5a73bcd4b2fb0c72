"""A spool with damaged files. The bridge still starts, accepts records, and deletes nothing."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import SpoolCorrupt
from bridge.spool.database.transaction import Transaction
from bridge.spool.opening import open_spool
from bridge.spool.settings import SpoolSettings
from tests.fuzz.mutation import TELLING
from tests.spool.builders import data_of, opened, put, take_all

FILES = ("spool.db", "spool.db-wal")
ZEROS = st.integers(1, 10_000).map(bytes)
PUT = st.binary(min_size=1, max_size=64) | TELLING | st.none()
HURTS = st.lists(st.tuples(st.sampled_from(FILES), st.integers(0, 1 << 24), PUT), min_size=1, max_size=5)
"""Damages: (file, position, new bytes). None instead of bytes truncates the file at the position."""


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Folder of a spool after a SIGKILL: 2,000 records of 500 bytes, some of them only in the write-ahead log."""
    folder = tmp_path_factory.mktemp("spool")
    spool = opened(folder / "data")
    for _ in range(10):
        put(spool, *(b"%04d" % number + bytes(500) for number in range(200)))
    shutil.copytree(folder / "data", folder / "killed")
    spool.close()
    return folder / "killed"


def hurt(folder: Path, hurts) -> None:
    for name, place, data in hurts:
        file = folder / name
        held = file.read_bytes()
        at = place % (len(held) + 1)
        file.write_bytes(held[:at] if data is None else held[:at] + data + held[at + len(data) :])


@given(hurts=HURTS)
def test_spool_with_damaged_bytes_is_opened_or_quarantined(killed, tmp_path_factory, hurts):
    folder = tmp_path_factory.mktemp("hurt")
    try:
        shutil.copytree(killed, folder / "data")
        hurt(folder / "data", hurts)
        goes_on(folder / "data")
    finally:
        shutil.rmtree(folder)


@given(ZEROS | st.binary(min_size=1, max_size=300) | st.binary(max_size=100).map(b"SQLite format 3\0".__add__))
def test_spool_of_random_bytes_is_set_aside(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("foreign")
    try:
        (folder / "data").mkdir()
        (folder / "data" / "spool.db").write_bytes(data)
        goes_on(folder / "data")
        kept = [file.read_bytes() for file in (folder / "data").glob("damaged-*/spool.db")]
        assert kept == [data]
    finally:
        shutil.rmtree(folder)


def goes_on(path: Path) -> None:
    """Check that the spool opens, accepts a record and returns it, after at most three starts.

    Some damage is found only when the spool is read. It then needs another start.
    """
    for _ in range(3):
        spool = open_spool(SpoolSettings(path=path))
        try:
            put(spool, b"new", stream="another")
            assert data_of(take_all(spool, stream="another"))[-1] == b"new"
            spool.commit(Transaction())
        except SpoolCorrupt:
            continue  # the next start sets the spool aside
        else:
            return
        finally:
            spool.close()
    raise AssertionError("damaged after three starts")
