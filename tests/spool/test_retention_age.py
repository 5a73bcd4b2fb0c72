"""`spool.max_age_secs` and `spool.min_free_bytes`."""

import logging
import shutil
from types import SimpleNamespace

import pytest

from bridge.errors import SpoolFull
from bridge.spool import retention
from bridge.spool.database.transaction import Transaction
from bridge.spool.queue.receive_times import RECEIVE_TIME_STEP_MS
from tests.spool.builders import append, assert_ledger_balanced, data_of, opened, put, take, take_all

MIB = 1 << 20


class Clock:
    now_ms = 1_700_000_000_000

    def __call__(self):
        return self.now_ms


@pytest.fixture
def clock():
    return Clock()


def aged(folder, clock, **options):
    """Return a spool with three pairs of records, which were received at different times."""
    spool = opened(folder, **options)
    spool.queue("press")._now_ms = clock
    for lot in (b"old", b"middle", b"new"):
        put(spool, lot + b"1", lot + b"2")
        clock.now_ms += 10 * RECEIVE_TIME_STEP_MS
    return spool


@pytest.mark.parametrize("live_first", [False, True])
def test_expired_records_are_dropped_and_counted_by_reason(tmp_path, clock, caplog, live_first):
    caplog.set_level(logging.WARNING)
    spool = aged(tmp_path, clock, live_first=live_first)
    spool.commit(Transaction(expire_before_ms=clock.now_ms - 15 * RECEIVE_TIME_STEP_MS))
    [row] = spool.ledger_rows()
    assert (row.received, row.spooled, row.dropped, row.expired) == (6, 4, 2, 2)
    assert sorted(data_of(take_all(spool))) == [b"middle1", b"middle2", b"new1", b"new2"]
    assert "max_age_secs" in caplog.text
    assert_ledger_balanced(spool)
    spool.close()


def test_record_in_flight_is_sent_at_any_age(tmp_path, clock):
    spool = aged(tmp_path, clock)
    held = take(spool, 3)
    spool.commit(Transaction(expire_before_ms=clock.now_ms))
    spool.queue("press").settle(held, [])
    spool.commit(Transaction())
    [row] = spool.ledger_rows()
    assert row.delivered == 3
    assert row.expired == row.dropped > 0
    assert_ledger_balanced(spool)
    spool.close()


def test_newest_records_expire_too(tmp_path, clock):
    spool = aged(tmp_path, clock)
    spool.commit(Transaction(expire_before_ms=clock.now_ms))
    assert take_all(spool) == []
    assert spool.ledger_rows()[0].expired == 6
    assert_ledger_balanced(spool)
    spool.close()


def test_records_below_the_max_age_are_not_dropped(tmp_path, clock):
    spool = aged(tmp_path, clock)
    assert spool.queue("press").older_than(clock.now_ms - 40 * RECEIVE_TIME_STEP_MS) == 0
    spool.commit(Transaction(expire_before_ms=clock.now_ms - 40 * RECEIVE_TIME_STEP_MS))
    assert len(take_all(spool)) == 6
    spool.close()


def test_free_disk_space_bounds_the_spool_with_hysteresis(tmp_path, monkeypatch):
    free = SimpleNamespace(free=100 * MIB)
    monkeypatch.setattr(retention, "shutil", SimpleNamespace(disk_usage=lambda _path: free))
    spool = opened(tmp_path, min_free_bytes=64 * MIB)
    put(spool, b"1")
    free.free = 64 * MIB
    append(spool, b"2")
    with pytest.raises(SpoolFull, match=r"64 MiB free .* spool.min_free_bytes is 64 MiB"):
        spool.commit(Transaction())
    free.free = 66 * MIB
    with pytest.raises(SpoolFull):
        spool.commit(Transaction())
    free.free = 80 * MIB
    spool.commit(Transaction())
    assert not spool._room.full
    assert data_of(take_all(spool)) == [b"1", b"2"]
    spool.close()


def test_oldest_records_are_dropped_if_other_programs_fill_the_disk(tmp_path, monkeypatch):
    free = SimpleNamespace(free=100 * MIB)
    monkeypatch.setattr(retention, "shutil", SimpleNamespace(disk_usage=lambda _path: free))
    spool = opened(tmp_path, min_free_bytes=64 * MIB, when_full="drop_oldest")
    for _ in range(40):
        put(spool, *[bytes(1000)] * 100)
    free.free = 64 * MIB
    put(spool, *[bytes(1000)] * 100)
    [row] = spool.ledger_rows()
    assert row.dropped > 0
    assert row.expired == 0
    assert_ledger_balanced(spool)
    spool.close()


def test_real_disk_is_requested(tmp_path):
    spool = opened(tmp_path, min_free_bytes=shutil.disk_usage(tmp_path).free * 2)
    append(spool, b"1")
    with pytest.raises(SpoolFull, match="min_free_bytes"):
        spool.commit(Transaction())
    spool.close()


def test_record_after_a_long_silence_does_not_expire_early(tmp_path, clock):
    """Without a stored receive time, the record would seem to be as old as the last record before the silence."""
    spool = opened(tmp_path)
    spool.queue("press")._now_ms = clock
    put(spool, b"old")
    spool.queue("press").settle(take(spool, 1), [])
    clock.now_ms += 100 * RECEIVE_TIME_STEP_MS
    put(spool, b"fresh")
    spool.close()
    spool = opened(tmp_path)
    spool.queue("press")._now_ms = clock
    spool.commit(Transaction(expire_before_ms=clock.now_ms - 10 * RECEIVE_TIME_STEP_MS))
    assert data_of(take_all(spool)) == [b"fresh"]
    spool.close()
