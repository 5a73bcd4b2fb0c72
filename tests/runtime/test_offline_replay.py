"""Dead letters and states of a bridge that does not run."""

import base64

import orjson
import pytest

from bridge.config import load_settings
from bridge.errors import BridgeError, SpoolFull, SpoolInUse
from bridge.ingest import replay
from bridge.ingest.replay import DeadLetterJob
from bridge.runtime.offline_replay import clear_state_offline, run_offline
from bridge.spool.database.transaction import Transaction
from bridge.spool.read_only import all_dead_letters
from bridge.spool.store import Spool
from tests.cli.builders import set_up
from tests.spool.builders import assert_ledger_balanced, data_of, dead_letter, opened, take_all

TOPIC = "factory/pdx/press07/telemetry"


@pytest.fixture
def settings(tmp_path):
    return load_settings(set_up(tmp_path), {})


def store(settings, *payloads):
    """Create a spool with a dead letter of the mapping `press` for each payload. Return their numbers."""
    spool = opened(settings.spool.path)
    letters = [
        dead_letter(mapping="press", streams=("telemetry",), topic=TOPIC, payload=each, total_bytes=len(each))
        for each in payloads
    ]
    transaction = Transaction(dead_letters=letters)
    transaction.dead_lettered[spool.mapping_number("press"), spool.queue("telemetry").number] += len(letters)
    spool.commit(transaction)
    spool.close()
    return numbers(settings)


def numbers(settings):
    return [each.number for each in all_dead_letters(settings.spool.path)]


def sent(settings, stream="telemetry"):
    """Return the data of all records in a queue."""
    spool = opened(settings.spool.path)
    assert_ledger_balanced(spool)
    found = data_of(take_all(spool, stream=stream))
    spool.close()
    return found


def test_offline_replay_stores_records_and_keeps_what_fails(settings):
    good, off, bad = store(settings, b'{"t": 1}', b'{"status": "OFF"}', b"no json")
    job = DeadLetterJob("replay", [good, off, bad, 99])
    run_offline(settings, job)
    assert job.done.is_set()
    assert job.counts == {"replayed": 1, "filtered": 1, "failed_again": 1, "not_found": 1}
    assert job.reasons.total() == 1
    assert numbers(settings) == [bad]
    assert sent(settings) == [b'{"machine":"press07","t":1}']


def test_offline_replay_in_several_slices_replays_each_once(settings, monkeypatch):
    monkeypatch.setattr(replay, "SLICE_DEAD_LETTERS", 2)
    stored = store(settings, *[b'{"t": %d}' % n for n in range(5)])
    job = DeadLetterJob("replay", stored)
    run_offline(settings, job)
    assert job.counts == {"replayed": 5}
    assert sent(settings) == [b'{"machine":"press07","t":%d}' % n for n in range(5)]


def test_offline_replay_on_a_full_disk_loses_nothing(settings, monkeypatch):
    stored = store(settings, b'{"t": 1}')

    def full(_spool, _transaction):
        raise SpoolFull("the spool is full")

    job = DeadLetterJob("replay", stored)
    with monkeypatch.context() as patched:
        patched.setattr(Spool, "commit", full)
        with pytest.raises(SpoolFull):
            run_offline(settings, job)
    assert not job.done.is_set()
    assert numbers(settings) == stored
    assert sent(settings) == []


def test_offline_deletion_needs_no_mapping(tmp_path, settings):
    first, second = store(settings, b"a", b"b")
    (tmp_path / "mappings" / "press.yaml").write_text("topic: [")
    job = DeadLetterJob("delete", [second, second])
    run_offline(settings, job)
    assert job.counts == {"deleted": 1, "not_found": 1}
    assert numbers(settings) == [first]
    assert sent(settings) == []


def delete(settings):
    run_offline(settings, DeadLetterJob("delete", [1]))


def clear(settings):
    clear_state_offline(settings, "press")


@pytest.mark.parametrize("call", [delete, clear])
def test_offline_job_needs_a_spool_that_is_not_in_use(settings, call):
    with pytest.raises(BridgeError, match="the bridge has not run here"):
        call(settings)
    assert not settings.spool.path.exists()
    spool = opened(settings.spool.path)
    with pytest.raises(SpoolInUse):
        call(settings)
    spool.close()
    call(settings)


def test_offline_clearing_stores_the_sampled_records_first(settings):
    held = {"span": 1, "held": [[[["telemetry", "k", base64.b64encode(b"\x00data").decode(), False]], 0, 0.0]]}
    spool = opened(settings.spool.path)
    spool.state("press").put("sample machine1", orjson.dumps(held))
    spool.state("press").put("changes machine1", b"[1, 2]")
    spool.state("oven").put("changes machine1", b"[1, 2]")
    spool.commit(Transaction())
    spool.close()
    assert clear_state_offline(settings, "unknown") == 0
    assert clear_state_offline(settings, "press") == 2
    assert clear_state_offline(settings, "press") == 0
    assert sent(settings) == [b"\x00data"]
    spool = opened(settings.spool.path)
    assert (len(spool.state("press")), len(spool.state("oven"))) == (0, 1)
    spool.close()
