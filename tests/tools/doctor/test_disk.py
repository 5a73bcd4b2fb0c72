"""Checks of real folders, with simulated disk faults."""

import errno
import os
from pathlib import Path

import pytest

from bridge.tools.doctor import disk
from bridge.tools.doctor.disk import FsyncTimes, examine_room, examine_sync, filesystem_of, measure_syncs
from bridge.tools.doctor.traffic_rate import SharedRate, SpoolRate, rate_of_bridge

HOUR_BYTES = 3600 * 100_000


def test_disk_is_measured_by_real_fsyncs_where_the_spool_will_be(tmp_path):
    [finding] = examine_sync(tmp_path / "data", lambda: measure_syncs(tmp_path / "data"))
    assert finding.message.startswith(f"{tmp_path}: fsync takes ")
    assert finding.facts["worst_ms"] >= finding.facts["median_ms"] > 0
    assert list(tmp_path.iterdir()) == []


def test_slow_disk_is_a_warning_with_what_it_allows(tmp_path):
    [finding] = examine_sync(tmp_path, lambda: FsyncTimes(0.1, 0.4))
    assert finding.status == "warning"
    assert "fsync takes 100.0 ms (worst 400 ms), about 10 commits/s (up to 20,000 messages/s)" in finding.message


MOUNTS = """\
/dev/vda / ext4 rw 0 0
tmpfs /run tmpfs rw 0 0
nas:/plant /mnt/the\\040plant nfs4 rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("/var/lib/data", "ext4"), ("/run/data", "tmpfs"), ("/runner", "ext4"), ("/mnt/the plant/data", "nfs4")],
)
def test_filesystem_of_a_folder_is_found(tmp_path, folder, kind):
    (tmp_path / "mounts").write_text(MOUNTS)
    assert filesystem_of(Path(folder), tmp_path / "mounts") == kind
    assert filesystem_of(Path(folder), tmp_path / "none") == ""


@pytest.mark.parametrize(("kind", "words"), [("tmpfs", "is in memory (tmpfs)"), ("nfs4", "is a network drive (nfs4)")])
def test_memory_and_network_drives_are_no_place_for_a_spool(tmp_path, monkeypatch, kind, words):
    monkeypatch.setattr(disk, "filesystem_of", lambda _folder: kind)
    [finding] = examine_sync(tmp_path, lambda: FsyncTimes(0.0, 0.0))
    assert finding.status == "warning"
    assert words in finding.message


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only"), (errno.EACCES, "run doctor as that user")],
)
def test_disk_error_has_advice(tmp_path, number, words):
    def measure():
        raise OSError(number, os.strerror(number))

    [finding] = examine_sync(tmp_path, measure)
    assert (finding.status, words in finding.advice) == ("error", True)
    assert os.strerror(number) in finding.message


def test_disk_that_takes_nothing_is_reported():
    [finding] = examine_sync(Path("/proc"), lambda: measure_syncs(Path("/proc")))
    assert finding.status == "error"
    assert "spool.path" in finding.advice


@pytest.mark.parametrize(
    ("rate", "state", "words"),
    [
        (SpoolRate(100_000, "as heard"), "ok", "enough for 1.0 d without Kinesis at 100 kB/s (as heard)"),
        (
            SpoolRate(2_400_000, "as heard"),
            "warning",
            "enough for 1.0 h without Kinesis at 2,400 kB/s (as heard)",
        ),
        (None, "ok", "buffer time unknown"),
    ],
)
def test_room_is_reported_in_hours_and_where_from_the_rate_is_known(tmp_path, rate, state, words):
    [finding] = examine_room(tmp_path, HOUR_BYTES * 24, 0, lambda: rate)
    assert finding.status == state
    assert words in finding.message


def test_bytes_of_the_spool_are_not_free_space(tmp_path):
    (tmp_path / "worker-2").mkdir()
    for file in ("spool.db", "worker-2/spool.db-wal"):
        (tmp_path / file).write_bytes(bytes(1_000_000))
    [finding] = examine_room(tmp_path, 12_000_000, 0, lambda: None)
    assert finding.facts["room_bytes"] == 10_000_000
    [finding] = examine_room(tmp_path, 2_000_000, 0, lambda: None)
    assert finding.status == "error"
    assert "which is spool.max_bytes" in finding.message


def test_full_disk_is_reported_by_the_setting_that_keeps_the_rest(tmp_path):
    [finding] = examine_room(tmp_path, 1 << 30, 1 << 60, lambda: None)
    assert finding.status == "error"
    assert "spool.min_free_bytes" in finding.message


def status_at(at_ms, messages, payload_bytes, *rows, delivered=0, spooled=0):
    ledger = [{"received": received, "filtered": filtered, "spooled": spooled} for received, filtered in rows]
    streams = [{"delivered": delivered, "rejected": 0}]
    status = {"ledger": ledger, "streams": streams, "received_messages": messages, "payload_bytes": payload_bytes}
    return {"status": status, "coverage": {"since_ms": 0, "at_ms": at_ms}}


def looks(*answers):
    following = iter(answers)
    return lambda: next(following)


def test_present_rate_is_that_between_two_looks():
    first = status_at(100_000, 1_000, 100_000, (1_000, 0), (1_000, 0))
    rate = rate_of_bridge(looks(first, status_at(110_000, 2_000, 1_000_000, (2_000, 500), (2_000, 0))), 0)
    # 1,000 messages of 900 bytes made 1,500 records in 10 seconds
    assert rate == SpoolRate(1_500 * (900 + 100) / 10, "present rate of the running bridge")


def test_bridge_that_has_nothing_to_do_is_taken_by_its_average():
    at_rest = status_at(100_000, 1_000, 900_000, (1_000, 0), delivered=1_000)
    rate = rate_of_bridge(looks(at_rest, at_rest | {"coverage": {"since_ms": 0, "at_ms": 103_000}}), 0)
    assert rate.bytes_per_sec == 1_000_000 / 103
    assert "average of the running bridge since its start" in rate.source


def test_average_rate_counts_no_records_of_earlier_runs():
    # One message of 900 bytes in ten seconds; the ledger has a million records of earlier runs.
    at_rest = status_at(10_000, 1, 900, (1_000_001, 0), delivered=1, spooled=1)
    assert rate_of_bridge(looks(at_rest, at_rest), 0).bytes_per_sec == 2 * 1_000 / 10


def test_rate_without_a_bridge_or_messages_is_unknown():
    assert rate_of_bridge(looks(None), 0) is None
    nothing = status_at(100_000, 0, 0)
    assert rate_of_bridge(looks(nothing, nothing), 0) is None


def test_shared_rate_is_waited_for_until_the_timeout():
    heard = SharedRate()
    assert heard.rate(0.01) is None
    heard.set_rate(SpoolRate(1.0, "as heard"))
    assert heard.rate(60) == SpoolRate(1.0, "as heard")
