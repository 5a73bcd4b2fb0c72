import json

import pytest

from bridge.ingest.in_progress_file import IN_PROGRESS_FILE
from bridge.ingest.poison_guard import CAREFUL_SECS, LARGE_BYTES, MAX_DEATHS, PoisonGuard
from tests.spool.builders import opened


@pytest.fixture
def spool(tmp_path):
    spool = opened(tmp_path)
    yield spool
    spool.close()


def died(spool, *messages, topic=b"t"):
    """Let a process end while it maps the last of these messages, and return the guard of the next process."""
    guard = PoisonGuard(spool)
    guard.begin_burst()
    for payload in messages:
        guard.begin_message(topic, payload)
    return PoisonGuard(spool)


def test_guard_without_a_death_notes_large_messages_only(spool):
    guard = PoisonGuard(spool)
    assert (guard.careful, guard.noted_bytes) == (False, LARGE_BYTES)
    assert guard.begin_message(b"t", b"x")


def test_guard_after_a_finished_burst_is_not_careful(spool):
    guard = PoisonGuard(spool)
    guard.begin_burst()
    guard.begin_message(b"t", b"x")
    guard.end_burst()
    assert not PoisonGuard(spool).careful


def test_guard_after_a_death_in_a_burst_is_careful_and_suspects_none(spool):
    guard = died(spool)
    assert (guard.careful, guard.noted_bytes) == (True, -1)
    assert guard.begin_message(b"t", b"x")


def test_guard_refuses_the_message_of_two_deaths(spool):
    assert died(spool, b"good", b"bad").begin_message(b"t", b"bad")
    guard = died(spool, b"good", b"bad")
    assert not guard.begin_message(b"t", b"bad")
    assert guard.begin_message(b"t", b"good")
    assert guard.begin_message(b"other", b"bad")
    assert MAX_DEATHS == 2


def test_guard_remembers_a_poison_message_after_clean_runs(spool):
    died(spool, b"bad")
    died(spool, b"bad").end_burst()
    for _ in range(3):
        guard = PoisonGuard(spool)
        guard.begin_burst()
        guard.end_burst()
    assert not PoisonGuard(spool).begin_message(b"t", b"bad")


def test_guard_is_careful_for_longer_after_each_death_and_then_no_more(spool):
    now = [0.0]
    PoisonGuard(spool).begin_burst()
    PoisonGuard(spool).begin_burst()
    guard = PoisonGuard(spool, lambda: now[0])
    now[0] = CAREFUL_SECS * 4
    assert guard.careful
    now[0] = CAREFUL_SECS * 6
    assert not guard.careful


def test_guard_forgets_the_oldest_of_many_suspects(spool):
    for number in range(110):
        died(spool, b"%d" % number).end_burst()
    stored = json.loads(spool.get_meta("poison"))
    assert len(stored["suspects"]) == 100


def test_guard_without_its_file_maps_every_message(tmp_path):
    spool = opened(tmp_path)
    (tmp_path / IN_PROGRESS_FILE).mkdir()
    guard = PoisonGuard(spool)
    guard.begin_burst()
    assert guard.begin_message(b"t", b"x")
    guard.end_burst()
    spool.close()
