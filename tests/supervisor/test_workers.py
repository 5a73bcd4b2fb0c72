import os

import pytest

from bridge.config import load_settings
from bridge.spool.database.transaction import Transaction
from bridge.spool.lock import FolderLock
from bridge.spool.read_only import GIVEN_UP
from bridge.supervisor.workers import (
    WorkerSlot,
    control_folder,
    folder_of,
    leftover_reason,
    settings_of,
    spool_folders,
    worker_slots,
)
from tests.cli.builders import set_up
from tests.spool.builders import opened


@pytest.fixture
def settings(tmp_path):
    return load_settings(set_up(tmp_path), os.environ)


def made(settings, number, *, given_up=False, records=0):
    """Create the spool of a worker that does not run any more."""
    spool = opened(folder_of(settings.spool.path, number))
    if given_up:
        spool.set_meta(GIVEN_UP, "yes")
    for _ in range(records):
        spool.queue("telemetry").append(spool.mapping_number("press"), None, b"{}")
    if records:
        spool.commit(Transaction())
    spool.close()


def test_workers_have_own_ids_and_spools_and_share_the_limits(settings):
    settings = settings.model_copy(
        update={"kinesis": settings.kinesis.model_copy(update={"max_bytes_per_sec": 300_000})}
    )
    own = settings_of(settings, WorkerSlot(2), 2, 3)
    assert (own.mqtt.client_id, own.mqtt.share, own.http) == ("test-2", "test", None)
    assert own.spool.path == settings.spool.path / "worker-2"
    assert (own.spool.max_bytes, own.kinesis.max_bytes_per_sec) == (settings.spool.max_bytes // 2, 100_000)


def test_share_group_is_as_given_or_derived_from_the_client_id(settings):
    def shared(**mqtt):
        return settings_of(
            settings.model_copy(update={"mqtt": settings.mqtt.model_copy(update=mqtt)}), WorkerSlot(1), 1, 1
        )

    assert shared(share="hall").mqtt.share == "hall"
    assert shared(client_id="plant/press+1").mqtt.share == "plant-press-1"


def test_settings_without_workers_are_as_configured(settings):
    own = settings_of(settings, WorkerSlot(0), 1, 1)
    assert (own.mqtt, own.spool) == (settings.mqtt, settings.spool)


def test_spools_of_removed_workers_are_drained(settings):
    made(settings, 0)
    made(settings, 2)
    made(settings, 3, given_up=True)
    made(settings, 4, given_up=True, records=1)
    assert list(spool_folders(settings.spool.path)) == [0, 2, 3, 4]
    assert worker_slots(settings, 1) == [WorkerSlot(1), WorkerSlot(0, True), WorkerSlot(2, True), WorkerSlot(4, True)]
    assert worker_slots(settings, 0) == [WorkerSlot(0), WorkerSlot(2, True), WorkerSlot(4, True)]
    assert leftover_reason(folder_of(settings.spool.path, 4)) == "records are buffered"
    assert leftover_reason(folder_of(settings.spool.path, 2)) == "the broker may queue messages for its session"


def test_spool_that_cannot_be_read_is_not_forgotten(settings):
    folder = folder_of(settings.spool.path, 7)
    folder.mkdir(parents=True)
    (folder / "spool.db").write_bytes(b"no database" * 100)
    assert "cannot be read" in leftover_reason(folder)
    assert worker_slots(settings, 1)[-1] == WorkerSlot(7, draining=True)


def test_commands_request_the_supervisor_while_it_runs(settings):
    path = settings.spool.path
    assert control_folder(path) == path
    lock = FolderLock(path / "supervisor")
    assert control_folder(path) == path / "supervisor"
    lock.close()
    assert control_folder(path) == path
