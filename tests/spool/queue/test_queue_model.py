"""The queue and the spool are compared with a model, which is a list.

No record is lost, no record is repeated in one run, and the ledger is correct.
"""

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bridge.spool.database.transaction import Transaction
from tests.spool.builders import append, assert_ledger_balanced, opened

STREAMS, MAPPINGS = ["press", "oven"], ["a", "b"]


class SpoolModel(RuleBasedStateMachine):
    @initialize(fresh_bytes=st.sampled_from([0, 600, 3000, 1 << 20]))
    def open(self, fresh_bytes):
        self.folder = Path(tempfile.mkdtemp(prefix="spool-"))
        self.fresh_bytes = fresh_bytes
        self.spool = opened(self.folder, fresh_bytes=fresh_bytes)
        self.made = 0
        self.uncommitted, self.on_disk, self.waiting, self.held, self.settling = (
            {s: [] for s in STREAMS} for _ in "12345"
        )
        self.counts = {}

    def count(self, stream, mapping, name, add=1):
        key = mapping, stream
        self.counts.setdefault(key, dict.fromkeys(["received", "delivered", "dead_lettered", "dropped"], 0))
        self.counts[key][name] += add

    @rule(stream=st.sampled_from(STREAMS), mapping=st.sampled_from(MAPPINGS), count=st.integers(1, 6))
    def append(self, stream, mapping, count):
        data = [b"%d" % number + bytes(number % 3 * 100) for number in range(self.made, self.made + count)]
        self.made += count
        append(self.spool, *data, stream=stream, mapping=mapping)
        self.uncommitted[stream] += [(each, mapping) for each in data]

    @rule()
    def commit(self):
        self.spool.commit(Transaction())
        for stream in STREAMS:
            for _, mapping in self.uncommitted[stream]:
                self.count(stream, mapping, "received")
            self.on_disk[stream] += self.uncommitted[stream]
            self.waiting[stream] += self.uncommitted[stream]
            self.uncommitted[stream] = []
            for data, mapping, kind in self.settling[stream]:
                self.on_disk[stream].remove((data, mapping))
                self.count(stream, mapping, kind)
            self.settling[stream] = []

    @rule(stream=st.sampled_from(STREAMS), count=st.integers(1, 8), max_bytes=st.sampled_from([1, 250, 1 << 20]))
    def collect(self, stream, count, max_bytes):
        records = self.spool.queue(stream).take_batch(count, max_bytes)
        expected = self.waiting[stream][: len(records)]
        assert [record.data for record in records] == [data for data, _ in expected]
        assert bool(records) == bool(self.waiting[stream])
        if max_bytes == 1 << 20:
            assert len(records) == min(count, len(self.waiting[stream]))
        del self.waiting[stream][: len(records)]
        self.held[stream] += zip(records, [mapping for _, mapping in expected], strict=True)

    @precondition(lambda self: any(self.held.values()))
    @rule(choice=st.data())
    def settle(self, choice):
        stream = choice.draw(st.sampled_from([name for name in STREAMS if self.held[name]]))
        some = choice.draw(st.lists(st.sampled_from(self.held[stream]), unique=True, min_size=1))
        refuse = choice.draw(st.booleans())
        records = [record for record, _ in some]
        rejected = [(record, "too_large", "why") for record in records]
        self.spool.queue(stream).settle([] if refuse else records, rejected if refuse else [])
        for record, mapping in some:
            self.held[stream].remove((record, mapping))
            self.settling[stream].append((record.data, mapping, "dead_lettered" if refuse else "delivered"))

    @rule()
    def reopen(self):
        """Simulate SIGKILL: uncommitted records are lost, and unsettled records are read again."""
        self.spool.close()
        self.spool = self.reopened()
        for stream in STREAMS:
            self.uncommitted[stream], self.held[stream], self.settling[stream] = [], [], []
            self.waiting[stream] = list(self.on_disk[stream])

    def reopened(self):
        return opened(self.folder, fresh_bytes=self.fresh_bytes)

    @invariant()
    def the_ledger_is_right(self):
        if not hasattr(self, "spool"):
            return
        assert_ledger_balanced(self.spool)
        found = {
            (row.mapping, row.stream): {name: getattr(row, name) for name in self.counts[row.mapping, row.stream]}
            for row in self.spool.ledger_rows()
        }
        assert found == self.counts
        assert self.spool.waiting_by_count() == {
            name: len(self.on_disk[name]) for name in STREAMS if name in self.spool.queues
        }

    def teardown(self):
        if hasattr(self, "spool"):
            self.spool.close()
            shutil.rmtree(self.folder)


TestSpoolModel = SpoolModel.TestCase
TestSpoolModel.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
