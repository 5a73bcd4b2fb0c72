"""A shard that gets five times its limit for a long time does not delay other shards.

The spool is real, the time simulated. The excess records stay on disk, so the memory of the sender stays bounded.
"""

import random

import pytest

from bridge.delivery import shard_deferral
from bridge.delivery.accumulator import MAX_BUFFERED_DRAINS, RecordAccumulator
from bridge.delivery.hot_keys import COUNTING_MS
from bridge.delivery.settings import SenderSettings
from bridge.errors import Unavailable
from bridge.kinesis.limits import MAX_REQUEST_BYTES
from bridge.spool.database import reader
from bridge.spool.database.transaction import Transaction
from tests.delivery.simulated_sender import STEP_SECS, Run
from tests.harness.consumers import hash_of

SECS = 10
"""Duration of a run. The buffered records of the hot shard are then a multiple of the limit of the sender."""
USUAL = SenderSettings()


@pytest.mark.parametrize(
    ("name", "size", "per_step", "live_first"),
    [
        ("s", 100, 250, False),
        ("s", 100, 250, True),
        ("s packing=kpl", 4000, 65, False),
        ("s packing=kpl", 4000, 65, True),
        ("s packing=kpl order=strict", 4000, 65, False),
    ],
)
def test_hot_shard_holds_back_no_other_for_however_long(tmp_path, name, size, per_step, live_first):
    run = Run(tmp_path, name, live_first=live_first)
    for _ in range(int(SECS / STEP_SECS)):
        run.append(0, per_step, b"x" * size)
        for shard in (1, 2, 3):
            run.append(shard, 5, b"x" * 100)
        run.step()
    assert max(max(run.waits(run.key_of(shard))) for shard in (1, 2, 3)) < 1.0
    hot = [wait for wait in run.waits(run.key_of(0)) if wait]
    assert max(hot) > SECS / 2, "it is given more than it takes"
    assert run.stream.shards[0].bytes > 0.9 * SECS * 1024 * 1024 or run.stream.shards[0].records > 0.9 * SECS * 1000
    assert run.most_held < 0.6 * run.capacity
    assert run.queue.oldest_secs(None) == 0 or run.queue.deferrals


@pytest.mark.parametrize("hot", [0, 1])
@pytest.mark.parametrize(
    ("name", "size", "per_step", "live_first"),
    [
        ("s", 100, 200, False),
        ("s", 100, 200, True),
        ("s packing=kpl", 4000, 65, False),
        ("s packing=kpl order=strict", 4000, 65, False),
    ],
)
def test_cool_half_of_a_split_hot_shard_continues(tmp_path, name, size, per_step, live_first, hot):
    """The deferral of the shard is divided between the child shards. The hot key may be in each of them."""
    run = Run(tmp_path, name, live_first=live_first)
    busy, calm = two_keys(run, hot)

    def play(secs):
        for _ in range(int(secs / STEP_SECS)):
            run.append_key(busy, per_step, b"x" * size)
            run.append_key(calm, 2, b"x")
            run.step()

    play(5)
    assert run.queue.deferrals
    run.stream.split(0)
    split_at = run.now
    play(8)
    assert run.queue.deferrals, "the hot half is still left"
    assert max(run.waits(calm, since=split_at + 4)) < 1.0
    assert max(wait for wait in run.waits(busy) if wait) > 5.0
    assert run.most_held < 0.8 * run.capacity
    assert run.stream.shards[0].id not in run.tracker.accumulator.limiter._shards, "it is closed"


def two_keys(run, hot):
    """Return a key in the half `hot` of the first shard's range, and a key in the other half."""
    first = run.stream.shards[0]
    middle = (first.first_hash + first.last_hash) // 2
    found = {}
    for key in map("k{}".format, range(1000)):
        if (place := hash_of(key)) <= first.last_hash:
            found.setdefault(place > middle, key)
    return found[bool(hot)], found[not hot]


@pytest.mark.parametrize(("name", "size", "per_step"), [("s", 100, 250), ("s packing=kpl", 4000, 65)])
def test_log_reports_what_a_key_brings_and_not_what_is_sent_of_it(tmp_path, caplog, name, size, per_step):
    run = Run(tmp_path, name)
    for _ in range(int(2 * COUNTING_MS / 1000 / STEP_SECS)):
        run.append(0, per_step, b"x" * size)
        run.append(1, 5, b"x")
        run.step()
    assert run.queue.deferrals
    (told,) = [message for message in caplog.messages if "alone brings" in message]
    brought = int(told.split("alone brings ")[1].split()[0])
    assert 0.95 * per_step / STEP_SECS < brought < 1.05 * per_step / STEP_SECS


def test_deferred_records_are_deferred_again_after_a_restart(tmp_path):
    run = Run(tmp_path, "s packing=kpl order=strict")
    run.append(0, 15_000, b"x" * 200)
    run.spool.commit(Transaction())
    run.append(1, 10, b"x")
    run.step()
    run.restart()
    run.step()
    run.step()
    assert max(run.waits(run.key_of(1))) < 0.2
    assert run.queue.deferrals
    assert len(run.delivered) < 15_000
    run.drain()


def test_hot_shard_is_deferred_before_it_fills_the_sender(tmp_path):
    run = Run(tmp_path, "s packing=kpl", settings=USUAL)
    for _ in range(int(8 / STEP_SECS)):
        run.append(0, 10, b"x" * 50_000)
        run.append(1, 5, b"x" * 100)
        run.step()
    assert run.left_at_all
    assert max(run.waits(run.key_of(1))) < 1.0


def small(monkeypatch):
    """Make the sender's memory and its pages so small that a few records fill them."""
    monkeypatch.setattr(RecordAccumulator, "capacity", lambda *_: (200, MAX_BUFFERED_DRAINS * MAX_REQUEST_BYTES))
    monkeypatch.setattr(reader, "PAGE_RECORDS", 40)


@pytest.mark.parametrize(("name", "size", "per_step"), [("s", 100, 250), ("s packing=kpl", 20_000, 12)])
def test_hot_shard_with_live_first_sends_its_newest_records_first(tmp_path, monkeypatch, name, size, per_step):
    small(monkeypatch)
    run = Run(tmp_path, name, live_first=True)
    for _ in range(int(6 / STEP_SECS)):
        run.append(0, per_step, b"x" * size)
        run.append(1, 5, b"x")
        run.step()
    hot, newest = run.key_of(0), {}
    for number, at in run.delivered.items():
        if run.keys[number] == hot and at >= 3.0:
            newest[at] = max(newest.get(at, 0.0), run.received[number])
    assert max(at - received for at, received in newest.items()) < 2.0
    assert max(run.waits(run.key_of(1))) < 1.0
    assert run.most_held < 400
    run.stream.limited = False
    run.drain()


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("name", "live_first"),
    [
        ("s", False),
        ("s", True),
        ("s packing=kpl", False),
        ("s packing=kpl", True),
        ("s packing=lines", False),
        ("s packing=kpl order=strict", False),
    ],
)
def test_records_under_faults_are_settled_once_and_in_order(tmp_path, monkeypatch, name, live_first, seed):
    """Shards become hot, are split and merged, and are unknown for some time.

    The bridge restarts; the disk fails or fills.
    """
    small(monkeypatch)
    chance = random.Random(seed)
    full = bool(seed % 2)
    large = 3000 if full and "packing" in name else 300
    bounds = {"max_bytes": 2000 * large, "when_full": "drop_oldest"} if full else {}
    run = Run(tmp_path, name, live_first=live_first, **bounds)
    run.fails = lambda: chance.random() < 0.05
    for _ in range(160):
        weights = [chance.choice([0, 0, 1, 5, 150]) for _ in run.keys_used] if chance.random() < 0.1 else run.weights
        run.weights = weights
        for key, count in zip(run.keys_used, weights, strict=True):
            run.append_key(key, chance.randint(0, count), b"x" * chance.choice([10, large]))
        chance.choices([run.nothing, run.reshard, run.forget_shards, run.restart], [60, 2, 2, 1])[0](chance)
        run.step()
    run.fails = lambda: False
    run.drain()
    assert run.left_at_all, "nothing was ever left"
    dropped = sum(row.dropped for row in run.spool.ledger_rows())
    assert (dropped > 0) == full


@pytest.mark.parametrize("name", ["s packing=kpl", "s packing=kpl order=strict"])
def test_records_are_all_sent_without_a_shard_list(tmp_path, monkeypatch, name):
    small(monkeypatch)
    run = Run(tmp_path, name)
    for _ in range(10):
        run.append(0, 300, b"x" * 2000)
        run.append(1, 1, b"x")
        run.step()
    assert run.queue.deferrals
    run.forget_shards()
    run.tracker.on_shards_failed(Unavailable("AccessDeniedException", ""), run.now)
    run.told = False
    run.drain()
    assert run.most_held < 400


@pytest.mark.parametrize("limit", [1, 2])
def test_shards_that_are_deferred_at_once_are_limited(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(shard_deferral, "MAX_DEFERRED_SHARDS", limit)
    run, most = Run(tmp_path, "s", shards=5), 0
    for _ in range(int(3 / STEP_SECS)):
        for shard in (0, 1, 2):
            run.append(shard, 150, b"x" * 100)
        run.append(3, 5, b"x" * 100)
        run.step()
        most = max(most, len(run.queue.deferrals))
    assert most == limit
