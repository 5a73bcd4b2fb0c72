"""A shard that is given five times what it takes, for long, on a real spool and simulated time: no other is held back.

What the shard does not take stays on disk, however much it is: the sender's memory is bounded all the time.
"""

import json
import random
import sqlite3
from base64 import b64encode
from unittest import mock

import pytest

from bridge.errors import SpoolUnwritable, Unavailable
from bridge.kinesis.client import StreamDescription
from bridge.kinesis.dispatch import FULL_REQUESTS, PACKED_TURN_RECORDS, Dispatch
from bridge.kinesis.hot_keys import WATCHED_MS
from bridge.kinesis.limits import MAX_REQUEST_BYTES
from bridge.kinesis.results import sort_results
from bridge.kinesis.shards import Shard
from bridge.kinesis.strict import StrictDispatch
from bridge.kinesis.surplus import Surplus
from bridge.kinesis.window import SenderSettings, Window
from bridge.kinesis.wire import Accepted, Failed
from bridge.model import Tuning
from bridge.spool import reading, store
from bridge.spool.transaction import Transaction, write_rest
from tests.kinesis.consumers import hash_of, kcl
from tests.spool.spools import assert_books_balance, opened
from tests.stand_in.kinesis_faults import Script
from tests.stand_in.kinesis_streams import Stream

STEP_SECS = 0.05
SECS = 10
"""By then what waits for the hot shard is a multiple of what the sender may hold."""
BEGUN_MS = 1_700_000_000_000
SETTINGS = SenderSettings(requests_in_flight=2)
USUAL = SenderSettings()


class Run:
    """One stream's sender without its threads: requests are answered at once. `delivered`: when, by number."""

    def __init__(self, folder, name, shards=4, **options):
        self.now = 0.0
        self.settings = options.pop("settings", SETTINGS)
        self.folder, self.options = folder, options
        self.spool = self.open()
        self.name, self.script = name, Script()
        self.stream = Stream("s", shards, limited=True, clock=lambda: self.now)
        self.received: dict[int, float] = {}
        self.delivered: dict[int, float] = {}
        self.keys: dict[int, str] = {}
        self.dropped = 0
        self.most_held = 0
        self.told, self.left_at_all = True, False
        self.fails = lambda: False
        self.keys_used = [f"k{n}" for n in range(9)]
        self.weights = [150, *[1] * 8]
        self.start()

    def open(self):
        """Nobody cuts the power here, so no commit waits for the disk: there is one for each step."""
        spool = opened(self.folder, **self.options)
        spool._database.execute("pragma synchronous = off")
        return spool

    def start(self):
        self.queue = self.spool.queue(self.name)
        self.queue._now_ms = lambda: BEGUN_MS + int(self.now * 1000)
        self.queue.clock = lambda: self.now  # by which a queue that sends the newest first tells what is live
        self.window = Window(self.name, self.settings)
        self.window.tune(Tuning())
        self.window.limit_answered(StreamDescription(), self.now)
        self.surplus = Surplus(self.queue, self.window.dispatch, self.settings.requests_in_flight)
        self.capacity = PACKED_TURN_RECORDS * self.settings.requests_in_flight

    def restart(self, *_):
        """What is settled is committed; what the sender held is read again."""
        self.commit()
        self.spool.close()
        self.spool = self.open()
        self.start()

    def reshard(self, chance):
        """One more shard, or one less."""
        shards = self.stream.open_shards
        if len(shards) < 5:
            self.stream.split(chance.choice(shards).number)
        else:
            place = chance.randrange(len(shards) - 1)
            self.stream.merge(shards[place].number, shards[place + 1].number)

    def forget_shards(self, _chance):
        self.window.dispatch.shards.doubt()

    def nothing(self, _chance):
        """Nothing beside."""

    def commit(self):
        """The disk may fail, before or after something was dropped; then once more."""
        failing = self.fails()

        def rest(*arguments):
            if failing:
                raise sqlite3.OperationalError("disk I/O error")
            return write_rest(*arguments)

        with mock.patch.object(store, "write_rest", rest):
            try:
                self.spool.commit(Transaction())
            except SpoolUnwritable:
                failing = False
                self.turn()
                self.spool.commit(Transaction())

    def drain(self):
        """No more comes; all that was not dropped is sent, each key in its order."""
        for _ in range(20_000):
            self.step()
            if not self.spool.waiting_by_count()[self.name] and not self.queue.has_settled:
                break
        dropped = sum(row.dropped for row in self.spool.rows())
        assert len(self.delivered) + dropped == len(self.received)
        assert_books_balance(self.spool)
        if "strict" in self.name:
            assert in_order(kcl(self.stream))

    def key_of(self, number):
        """A partition key on the shard of this number."""
        return next(key for key in map("k{}".format, range(1000)) if self.stream.shard_of(key).number == number)

    def append(self, shard, count, data):
        self.append_key(self.key_of(shard), count, data)

    def append_key(self, key, count, data):
        for _ in range(count):
            number = self.queue.next
            self.received[number], self.keys[number] = self.now, key
            self.queue.append(self.spool.mapping_number("m"), key, b"%012d%b" % (number, data))

    def shards(self):
        if self.told and self.window.dispatch.shards.start_asking(self.now):
            found = [Shard(shard.id, shard.first_hash, shard.last_hash) for shard in self.stream.open_shards]
            self.settle(self.window.shards_answered(found, self.now))

    def settle(self, records):
        for record in records:
            assert record.number not in self.delivered, "settled twice"
            self.delivered[record.number] = self.now
        if records:
            self.queue.settle(list(records), [])

    def step(self):
        """What happens in a twentieth of a second."""
        self.commit()
        self.shards()
        while self.turn():
            self.left_at_all |= bool(self.queue.left)
        self.now += STEP_SECS

    def turn(self):
        fresh = self.surplus.reread(self.surplus.wanted())
        if not fresh:
            records, size = self.window.room(self.now)
            fresh = self.queue.collect(records, size, 0.0, 0.0) if min(records, size) > 0 else []
            fresh, found = self.surplus.sift(fresh, self.now), bool(fresh)
        else:
            found = True
        self.window.admit(fresh, self.now)
        self.surplus.judge()
        self.most_held = max(self.most_held, self.window._out())
        batch = self.window.load(self.now)
        if batch.records:
            self.answer(batch)
        return found or bool(batch.records)

    def answer(self, batch):
        entries = [
            {"PartitionKey": entry.key, "Data": b64encode(entry.data).decode(), **explicit(entry)}
            for entry in batch.entries
        ]
        answers = json.loads(self.stream.put(entries, self.script))["Records"]
        outcome = sort_results(batch.entries, [result(each) for each in answers])
        self.window.answered(batch, outcome, 0.01, self.now)
        assert not outcome.rejected
        self.settle(outcome.delivered)

    def waits(self, key, since=0.0):
        """How long each record of a key has waited, or waits; of those received since then."""
        return [
            self.delivered.get(number, self.now) - at
            for number, at in self.received.items()
            if self.keys[number] == key and at >= since
        ]


def in_order(found):
    """Whether the first copies of each key's records count up."""
    last = {}
    for key, data in dict.fromkeys(found):
        number = int(data[:12])
        if number < last.get(key, 0):
            return False
        last[key] = number
    return True


def explicit(entry):
    return {"ExplicitHashKey": entry.hash_key} if getattr(entry, "hash_key", None) is not None else {}


def result(answer):
    if "ErrorCode" in answer:
        return Failed(answer["ErrorCode"], answer["ErrorMessage"])
    return Accepted(answer["SequenceNumber"], answer["ShardId"])


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
def test_a_hot_shard_holds_back_no_other_for_however_long(tmp_path, name, size, per_step, live_first):
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
    assert run.queue.oldest_secs(None) == 0 or run.queue.left


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
def test_when_a_hot_shard_is_split_the_half_that_is_not_hot_goes_on_by_itself(
    tmp_path, name, size, per_step, live_first, hot
):
    """Whichever of the halves the hot key is in: what was left of the shard is two parts from then on."""
    run = Run(tmp_path, name, live_first=live_first)
    busy, calm = two_keys(run, hot)

    def play(secs):
        for _ in range(int(secs / STEP_SECS)):
            run.append_key(busy, per_step, b"x" * size)
            run.append_key(calm, 2, b"x")
            run.step()

    play(5)
    assert run.queue.left
    run.stream.split(0)
    split_at = run.now
    play(8)
    assert run.queue.left, "the hot half is still left"
    assert max(run.waits(calm, since=split_at + 4)) < 1.0
    assert max(wait for wait in run.waits(busy) if wait) > 5.0
    assert run.most_held < 0.6 * run.capacity


def two_keys(run, hot):
    """A key in half `hot` of the first shard, and one in the other half."""
    first = run.stream.shards[0]
    middle = (first.first_hash + first.last_hash) // 2
    found = {}
    for key in map("k{}".format, range(1000)):
        if (place := hash_of(key)) <= first.last_hash:
            found.setdefault(place > middle, key)
    return found[bool(hot)], found[not hot]


@pytest.mark.parametrize(("name", "size", "per_step"), [("s", 100, 250), ("s packing=kpl", 4000, 65)])
def test_the_log_tells_what_a_key_brings_and_not_what_is_sent_of_it(tmp_path, caplog, name, size, per_step):
    run = Run(tmp_path, name)
    for _ in range(int(2 * WATCHED_MS / 1000 / STEP_SECS)):
        run.append(0, per_step, b"x" * size)
        run.append(1, 5, b"x")
        run.step()
    assert run.queue.left
    (told,) = [message for message in caplog.messages if "alone brings" in message]
    brought = int(told.split("alone brings ")[1].split()[0])
    assert 0.95 * per_step / STEP_SECS < brought < 1.05 * per_step / STEP_SECS


def test_after_a_restart_what_was_left_is_left_again_and_holds_back_nothing(tmp_path):
    run = Run(tmp_path, "s packing=kpl order=strict")
    run.append(0, 15_000, b"x" * 200)
    run.spool.commit(Transaction())
    run.append(1, 10, b"x")
    run.step()
    run.restart()
    run.step()
    run.step()
    assert max(run.waits(run.key_of(1))) < 0.2
    assert run.queue.left
    assert len(run.delivered) < 15_000
    run.drain()


def test_with_the_usual_settings_a_shard_is_left_before_its_bytes_fill_the_sender(tmp_path):
    run = Run(tmp_path, "s packing=kpl", settings=USUAL)
    for _ in range(int(8 / STEP_SECS)):
        run.append(0, 10, b"x" * 50_000)
        run.append(1, 5, b"x" * 100)
        run.step()
    assert run.left_at_all
    assert max(run.waits(run.key_of(1))) < 1.0


def small(monkeypatch):
    """A sender and pages so small that a few records are many."""
    monkeypatch.setattr(Dispatch, "capacity", lambda *_: (200, FULL_REQUESTS * MAX_REQUEST_BYTES))
    monkeypatch.setattr(StrictDispatch, "capacity", lambda *_: (200, FULL_REQUESTS * MAX_REQUEST_BYTES))
    monkeypatch.setattr(reading, "PAGE_RECORDS", 40)


@pytest.mark.parametrize(("name", "size", "per_step"), [("s", 100, 250), ("s packing=kpl", 20_000, 12)])
def test_where_what_is_live_goes_first_so_does_the_newest_of_a_hot_shard(tmp_path, monkeypatch, name, size, per_step):
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
def test_through_all_that_happens_each_record_is_settled_once_and_in_its_order(
    tmp_path, monkeypatch, name, live_first, seed
):
    """Shards hot by turns, split and merged, not known for a while; restarts; a failing disk, a spool that is full."""
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
    dropped = sum(row.dropped for row in run.spool.rows())
    assert (dropped > 0) == full


@pytest.mark.parametrize("name", ["s packing=kpl", "s packing=kpl order=strict"])
def test_where_the_shards_are_not_told_any_more_all_is_sent_all_the_same(tmp_path, monkeypatch, name):
    small(monkeypatch)
    run = Run(tmp_path, name)
    for _ in range(10):
        run.append(0, 300, b"x" * 2000)
        run.append(1, 1, b"x")
        run.step()
    assert run.queue.left
    run.window.dispatch.shards.doubt()
    run.window.shards_unanswered(Unavailable("AccessDeniedException", ""), run.now)
    run.told = False
    run.drain()
    assert run.most_held < 400
