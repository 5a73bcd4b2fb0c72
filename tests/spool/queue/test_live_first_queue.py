import json

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from bridge.model import DEFAULT_RECORD_BYTES, UnnumberedEnvelope
from bridge.spool.queue.live_first_queue import LIVE_SECS, LiveFirstQueue
from tests.spool.builders import append, assert_ledger_balanced, data_of, opened, put, settle, take, take_all
from tests.spool.queue.test_queue_model import MAPPINGS, STREAMS, SpoolModel


def numbered(first, last):
    return [b"%03d" % number for number in range(first, last + 1)]


def test_new_records_precede_the_backlog_after_a_restart(tmp_path):
    spool = opened(tmp_path)
    put(spool, *numbered(1, 5))
    spool.close()
    spool = opened(tmp_path, live_first=True)
    put(spool, *numbered(6, 8))
    assert data_of(take(spool, 5)) == numbered(6, 8) + numbered(1, 2)
    put(spool, b"009")
    assert data_of(take_all(spool)) == [b"009", *numbered(3, 5)]
    spool.close()


def test_record_beyond_the_window_joins_the_backlog(tmp_path):
    spool = opened(tmp_path, live_first=True, fresh_bytes=3 * 253)
    put(spool, *numbered(1, 4))
    put(spool, *numbered(5, 6))
    assert data_of(take(spool, 3)) == numbered(4, 6)
    put(spool, b"007")
    assert data_of(take_all(spool)) == [b"007", *numbered(1, 3)]
    spool.close()


def test_full_batch_is_no_larger_than_requested(tmp_path):
    spool = opened(tmp_path, live_first=True)
    put(spool, *numbered(1, 9))
    assert data_of(take(spool, max_bytes=9)) == numbered(1, 2)
    assert data_of(take(spool, 3)) == numbered(3, 5)
    spool.close()


def test_strict_order_has_no_live_first(tmp_path):
    spool = opened(tmp_path, live_first=True)
    kinds = [isinstance(spool.queue(name), LiveFirstQueue) for name in ("s", "s packing=kpl order=strict")]
    assert kinds == [True, False]
    spool.close()


def test_oldest_are_dropped_and_no_record_that_a_sender_holds(tmp_path):
    spool = opened(tmp_path, live_first=True, fresh_bytes=2 * 253)
    put(spool, *numbered(1, 6))
    queue = spool.queue("press")
    assert data_of(take(spool, 3)) == [*numbered(5, 6), b"001"]
    assert queue.drop_oldest(2) == (2, 3)
    assert take(spool) == []
    queue.dropped()
    assert queue.drop_oldest(9) == (4, 4)
    assert queue.drop_oldest(9) is None
    queue.dropped()
    assert queue.waiting == 0
    spool.close()


def test_record_that_could_not_be_dropped_is_sent(tmp_path):
    spool = opened(tmp_path, live_first=True, fresh_bytes=2 * 253)
    put(spool, *numbered(1, 6))
    queue = spool.queue("press")
    queue.drop_oldest(3)
    queue.drop_oldest(3)
    queue.rewind()
    assert sorted(data_of(take_all(spool))) == numbered(1, 6)
    spool.close()


def test_ledger_balances_when_the_spool_is_full(tmp_path):
    spool = opened(tmp_path, live_first=True, max_bytes=4 << 20, when_full="drop_oldest", fresh_bytes=1 << 20)
    for _ in range(40):
        append(spool, *[bytes(20_000)] * 10)
        put(spool, b"x")
    assert sum(row.dropped for row in spool.ledger_rows()) > 0
    settle(spool, take_all(spool))
    assert_ledger_balanced(spool)
    assert spool.waiting_by_count() == {"press": 0}
    spool.close()


def enveloped(*values):
    return [
        UnnumberedEnvelope(UnnumberedEnvelope.UNNUMBERED + b'","received_at":"2023","data":%s}' % value)
        for value in values
    ]


def late(records):
    """Return the `late` flags in the envelopes."""
    return {value["data"]: value.get("late", False) for value in map(json.loads, data_of(records))}


def test_record_that_waited_long_in_memory_is_backlog(tmp_path):
    spool, now = opened(tmp_path, live_first=True), [100.0]
    spool.queue("press").clock = lambda: now[0]
    put(spool, *numbered(1, 3))
    now[0] += LIVE_SECS + 1
    put(spool, b"004")
    assert data_of(take_all(spool)) == [b"004", *numbered(1, 3)]
    spool.close()


def test_record_that_lingers_is_live(tmp_path):
    spool, now = opened(tmp_path, live_first=True), [100.0]
    queue = spool.queue("press")
    queue.clock = lambda: now[0]
    put(spool, b"001")
    queue.due_at(1, 1 << 20, 60.0)
    assert data_of(queue.take_batch(1, 1 << 20)) == [b"001"]
    put(spool, b"002")
    now[0] += LIVE_SECS + 50
    put(spool, b"003")
    assert data_of(queue.take_batch(2, 1 << 20)) == numbered(2, 3)
    spool.close()


def test_envelope_reports_that_its_record_is_late(tmp_path):
    spool = opened(tmp_path, live_first=True)
    put(spool, *enveloped(b"1", b"2"), b"plain")
    spool.close()
    spool = opened(tmp_path, live_first=True)
    put(spool, *enveloped(b"3"))
    records = take_all(spool)
    assert late(record for record in records if record.data != b"plain") == {3: False, 1: True, 2: True}
    assert records[-1].data == b"plain"
    settle(spool, records)
    assert_ledger_balanced(spool)
    spool.close()


def test_late_mark_makes_no_record_too_large(tmp_path):
    fits, full = (b'"%s"' % (b"x" * (DEFAULT_RECORD_BYTES - less)) for less in (100, 70))
    spool = opened(tmp_path, live_first=True)
    put(spool, *enveloped(fits, full))
    spool.close()
    spool = opened(tmp_path, live_first=True)
    records = take_all(spool, max_bytes=4 << 20)
    assert list(late(records).values()) == [True, False]
    assert all(len(record.data) + len(record.key) <= DEFAULT_RECORD_BYTES for record in records)
    spool.close()


def test_envelope_of_another_spool_in_a_payload_gets_no_late_mark(tmp_path):
    spool = opened(tmp_path, live_first=True)
    foreign = UnnumberedEnvelope.UNNUMBERED + b'","data":1}'
    put(spool, foreign)
    spool.close()
    spool = opened(tmp_path, live_first=True)
    assert data_of(take_all(spool)) == [foreign]
    spool.close()


class LiveFirstModel(SpoolModel):
    """Model of a live-first queue: its order differs from that of `SpoolModel`, and some keys may be deferred."""

    @initialize()
    def nothing_left(self):
        self.left = {name: {} for name in STREAMS}

    @rule(
        stream=st.sampled_from(STREAMS), mapping=st.sampled_from(MAPPINGS), keys=st.text("ab", min_size=1, max_size=6)
    )
    def append(self, stream, mapping, keys):
        for key in keys:
            data = b"%d%b" % (self.made, key.encode())
            self.made += 1
            append(self.spool, data, stream=stream, mapping=mapping, key=key)
            self.uncommitted[stream].append((data, mapping))

    @rule(stream=st.sampled_from(STREAMS), keys=st.sampled_from(["a", "b", "ab"]))
    def defer(self, stream, keys):
        if not self.left_keys(stream):
            left = self.spool.queue(stream).defer(lambda key: key in keys)
            self.left[stream][left] = keys

    @rule(stream=st.sampled_from(STREAMS))
    def read_deferred(self, stream):
        queue = self.spool.queue(stream)
        for left in queue.deferrals[:]:
            self.hold(stream, queue.read_deferred(left))

    @rule(stream=st.sampled_from(STREAMS))
    def divide(self, stream):
        for left, keys in list(self.left[stream].items()):
            if not left.done:
                parts = self.spool.queue(stream).divide(left, [(lambda each, key=key: each == key) for key in keys])
                self.left[stream] |= zip(parts, keys, strict=True)
                del self.left[stream][left]

    def left_keys(self, stream):
        return {key for left, keys in self.left[stream].items() if not left.done for key in keys}

    @rule()
    def reopen(self):
        self.nothing_left()
        super().reopen()

    @initialize(fresh_bytes=st.sampled_from([0, 600, 3000, 1 << 20]))
    def open(self, fresh_bytes):
        super().open(fresh_bytes)
        self.spool.close()
        self.reopen()

    def reopened(self):
        return opened(self.folder, fresh_bytes=self.fresh_bytes, live_first=True)

    @rule(stream=st.sampled_from(STREAMS), count=st.integers(1, 8))
    def collect(self, stream, count):
        left = self.left_keys(stream)
        records = self.spool.queue(stream).take_batch(count, 1 << 20)
        if not left:
            assert len(records) == min(count, len(self.waiting[stream]))
        self.hold(stream, [record for record in records if record.key not in left])

    def hold(self, stream, records):
        waiting = dict(self.waiting[stream])
        for record in records:
            self.held[stream].append((record, waiting.pop(record.data)))
        self.waiting[stream] = list(waiting.items())

    @rule(stream=st.sampled_from(STREAMS))
    def take_all(self, stream):
        """Assert that exactly the waiting records are returned, even after deferrals."""
        queue = self.spool.queue(stream)
        while queue.waiting:
            self.collect(stream, 8)
            self.read_deferred(stream)
        self.read_deferred(stream)
        assert not self.waiting[stream]
        assert not queue.deferrals


TestLiveFirstModel = LiveFirstModel.TestCase
TestLiveFirstModel.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
