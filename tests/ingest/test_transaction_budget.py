"""No message makes a transaction that the spool can never accept: it would block the bridge permanently."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.ingest.bindings import bind_mappings
from bridge.ingest.burst_mapper import BurstMapper
from bridge.ingest.replay import DeadLetterJob, DeadLetterJobs
from bridge.ingest.topic_coverage import TopicCoverage
from bridge.ingest.transaction_budget import TransactionBudget
from bridge.mapping.router import Router
from bridge.model import MappingResult, Message, NewRecord, Rejection
from bridge.spool.database.transaction import Transaction, pending_bytes
from bridge.spool.dead_letters import stored_bytes
from bridge.spool.read_only import all_dead_letters
from bridge.spool.settings import SpoolSettings
from tests.ingest.test_burst_mapper import NOW_MS, publish
from tests.mapping.builders import mapping
from tests.spool.builders import assert_ledger_balanced, opened, take_all

MIB = 1 << 20
SPOOL = 16 * MIB
"""The smallest spool that bridge.yaml permits."""
EACH = {"each": True, "transform": "payload.items[].{v: @, all: $payload.pad}"}


class Rig:
    def __init__(self, folder, *mappings):
        self.spool = opened(folder, max_bytes=SPOOL, max_dead_letter_bytes=256 * MIB, when_full="block")
        self.mapper = BurstMapper(self.spool, Router(mappings), coverage := TopicCoverage(NOW_MS))
        self.places = bind_mappings(self.spool, mappings, coverage.tally)
        self.mapper.bind(Router(mappings), self.places, (self.spool.mapping_number(""), self.spool.stream_number("")))

    def map(self, *burst):
        """Commit as many transactions as the burst needs; SpoolFull if one of them is too large."""
        burst, transactions = list(burst), 0
        while burst:
            self.mapper.map(burst, NOW_MS)
            self.spool.commit(self.mapper.transaction)
            self.mapper.transaction = Transaction()
            burst, transactions = self.mapper.rest, transactions + 1
        return transactions

    def dead_letters(self):
        return [each.dead_letter for each in all_dead_letters(self.spool.folder.path)]


@pytest.fixture
def rig(tmp_path):
    rigs = []

    def make(*mappings):
        rigs.append(Rig(tmp_path / str(len(rigs)), *mappings))
        return rigs[-1]

    yield make
    for each in rigs:
        assert_ledger_balanced(each.spool)
        each.spool.close()


def items(count, pad):
    return orjson.dumps({"items": list(range(count)), "pad": "x" * pad})


def test_records_larger_than_the_spool_are_one_dead_letter(rig):
    made = rig(mapping(topic="t", **EACH))
    made.map(publish(items(100, 400_000), topic=b"t"), publish(items(2, 10), topic=b"t"))
    [found] = made.dead_letters()
    assert (found.code, found.item, found.total_bytes) == ("too_large", None, len(items(100, 400_000)))
    assert "1/4 of spool.max_bytes" in found.detail
    assert len(take_all(made.spool, stream="s")) == 2


def test_replay_of_records_larger_than_the_spool_fails_again(rig):
    made = rig(mapping(topic="t", **EACH))
    made.map(publish(items(100, 400_000), topic=b"t"))
    jobs = DeadLetterJobs(made.spool)
    job = jobs.add(DeadLetterJob("replay", [1]))
    of_m = {"m": (mapping(topic="t", **EACH), made.places["m"])}
    part = jobs.fill(made.mapper.transaction, of_m)
    made.spool.commit(made.mapper.transaction)
    part.committed()
    assert job.counts == {"failed_again": 1}


def test_records_of_each_end_at_64_mib_of_memory(monkeypatch):
    monkeypatch.setattr("bridge.mapping.pipeline.record_builder.MAX_RECORDS_BYTES", 5000)
    made = mapping(topic="t", **EACH)
    message = Message("t", items(100, 1000), 1, False, NOW_MS)
    result = made.apply(message, {}, ["t"])
    assert result.drafts == []
    assert [each.code for each in result.rejections] == ["too_large"]
    assert result.rejections[0].detail.startswith("the records of the first 6 items exceed")


def test_dead_letters_of_many_items_are_one_dead_letter(rig):
    bad = mapping(
        topic="t",
        each=True,
        transform="payload.items",
        outputs=[{"data_stream": "s", "partition_key_from": "record.k"}],
    )
    made = rig(bad)
    made.map(publish(items(20_000, 60_000), topic=b"t"))
    [found] = made.dead_letters()
    assert found.code == "too_large"


def test_items_that_fail_are_dead_letters_of_their_own_if_few(rig):
    bad = mapping(
        topic="t",
        each=True,
        transform="payload.items[].{k: @}",
        outputs=[{"data_stream": "s", "partition_key_from": "record.k"}],
    )
    made = rig(bad)
    made.map(publish(b'{"items": ["", "a", ""]}', topic=b"t"))
    assert [(each.code, each.item) for each in made.dead_letters()] == [("partition_key", 0), ("partition_key", 2)]
    assert len(take_all(made.spool, stream="s")) == 1


def test_large_payload_that_many_mappings_reject_is_cut_short(rig):
    made = rig(*(mapping(f"m{number}", topic="t", transform="payload.a") for number in range(40)))
    made.map(publish(b'{"b": "' + b"x" * MIB + b'"}', topic=b"t"))
    assert len(made.dead_letters()) == 40 - made.spool.dead_letter_counts.evicted
    assert made.spool.dead_letter_counts.size <= SPOOL // 4


def test_burst_for_many_mappings_is_several_transactions(rig):
    made = rig(*(mapping(f"m{number}", topic="t") for number in range(20)))
    burst = [publish(b'"' + b"x" * 50_000 + b'"', topic=b"t")] * 10
    # 20 mappings make 1 MB of records of each message. A transaction is full at 2 MiB.
    made.map(*burst[:1])
    take_all(made.spool, stream="s")
    assert made.mapper.map(burst, NOW_MS)
    assert len(made.mapper.rest) == 7
    made.spool.commit(made.mapper.transaction)


DRAFTS = st.lists(st.integers(0, 3 * MIB), max_size=8)


@given(st.lists(st.tuples(DRAFTS, st.integers(0, 30), st.integers(0, 12 * MIB), st.integers(1, 65_535)), max_size=12))
def test_transaction_fits_into_what_the_spool_leaves_for_it(messages):
    settings = SpoolSettings(max_bytes=SPOOL)
    budget, used = TransactionBudget(settings), 0
    buffer, of_payload = bytes(12 * MIB), settings.dead_letter_bytes // 4
    for drafts, rejected, payload, topic in messages:
        if budget.full:
            break
        message = Message("t" * topic, buffer[:payload], 1, False, NOW_MS)
        result = MappingResult(
            [NewRecord(0, "k", buffer[:size]) for size in drafts],
            tuple(Rejection((0,), item, "partition_key", "") for item in range(rejected)),
        )
        bounded, stored = budget.bounded(result, message)
        # Instead of dropped records, there is a dead letter.
        assert bool(bounded.drafts or bounded.rejections) == bool(drafts or rejected)
        used += sum(len(draft.data) for draft in bounded.drafts)
        used += len(bounded.rejections) * (min(len(stored.payload), of_payload) + topic + 500)
        # Dead letters and states of mappings may use a quarter each. A tenth is free before reading resumes. So 40 %
        # remain.
        assert used <= SPOOL * 4 // 10


def test_stored_bytes_count_topic_and_properties(rig):
    made = rig(mapping(topic="#", transform="payload.a"))
    name = b"\x26" + (1).to_bytes(2) + b"n" + (50_000).to_bytes(2) + b"v" * 50_000
    for number in range(200):
        made.map(publish(b"{", topic=b"x" * 60_000 + b"%d" % number, properties=name))
    assert made.spool.dead_letter_counts.evicted > 100
    assert made.spool.used_bytes < SPOOL
    transaction = Transaction(dead_letters=made.dead_letters()[:3])
    assert pending_bytes([], transaction) > 3 * 110_000


@given(st.integers(SPOOL, 4096 * MIB))
def test_transaction_is_full_at_an_eighth_of_the_spool_or_64_mib(max_bytes):
    budget = TransactionBudget(SpoolSettings(max_bytes=max_bytes))
    budget.used = min(64 * MIB, max_bytes // 8)
    assert not budget.full
    budget.used += 1
    assert budget.full


@given(st.integers(0, SPOOL // 8), st.integers(0, SPOOL))
def test_records_of_a_message_fit_up_to_a_quarter_of_the_spool(used, size):
    budget, message = TransactionBudget(SpoolSettings(max_bytes=SPOOL)), Message("t", b"1", 1, False, NOW_MS)
    budget.used = used
    result = MappingResult([NewRecord(0, "k", bytes(size))], ())
    bounded, _ = budget.bounded(result, message)
    assert (bounded is result) == (used + size <= SPOOL * 3 // 8)
    if bounded is not result:
        assert [each.code for each in bounded.rejections] == ["too_large"]
        assert size > SPOOL // 4


@given(st.integers(2, 40), st.integers(0, 100_000))
def test_dead_letters_of_items_fit_up_to_a_sixteenth_of_the_spool(items, payload):
    budget = TransactionBudget(SpoolSettings(max_bytes=SPOOL))
    message = Message("t", bytes(payload), 1, False, NOW_MS)
    result = MappingResult([], tuple(Rejection((0,), item, "partition_key", "") for item in range(items)))
    bounded, _ = budget.bounded(result, message)
    if items * stored_bytes(message) <= SPOOL // 16:
        assert bounded is result
    else:
        assert [each.code for each in bounded.rejections] == ["too_large"]
