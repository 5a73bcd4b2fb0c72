"""Dead letters through the active mappings, against a real spool; the ledger is counted again after each."""

import pytest

from bridge.ingest.bindings import bind_mappings
from bridge.ingest.rejection import reject, reject_oversized, reject_topic
from bridge.ingest.replay import SLICE_DEAD_LETTERS, DeadLetterJob, DeadLetterJobs
from bridge.ingest.topic_coverage import TopicCoverage
from bridge.mapping.loading.mapping_loader import load_folder
from bridge.model import Message
from bridge.spool.database.transaction import Transaction
from tests.cli.builders import set_up
from tests.spool.builders import assert_ledger_balanced, data_of, opened, settle, take_all

BROKEN = """
topic: factory/{site}/{machine}/telemetry
transform: "{ machine: captures.machine, t: multiply(payload.t, `2`) }"
outputs: [{data_stream: telemetry, partition_key_from: captures.machine}]
"""
MENDED = BROKEN.replace("multiply(payload.t, `2`)", "payload.t")
TWO = """
topic: factory/{site}/{machine}/telemetry
transform: "{ t: payload.t }"
outputs:
  - {data_stream: telemetry, partition_key_from: payload.key}
  - {data_stream: archive}
"""
EACH = """
topic: factory/{site}/{machine}/telemetry
each: true
transform: payload
outputs: [{data_stream: telemetry, partition_key_from: record.key}]
"""


class Rig:
    """One mapping `press`, which may be edited, and a spool."""

    def __init__(self, folder, mapping):
        self.folder = folder
        set_up(folder, press=mapping)
        self.spool = opened(folder / "data")
        self.jobs = DeadLetterJobs(self.spool)
        self.load()

    def edit(self, mapping):
        (self.folder / "mappings" / "press.yaml").write_text(mapping)
        self.load()

    def load(self):
        mappings = load_folder(self.folder / "mappings", {}).mappings
        self.places = bind_mappings(self.spool, mappings.values(), TopicCoverage(0).tally)
        self.targets = {name: (mapping, self.places[name]) for name, mapping in mappings.items()}

    def receive(self, *payloads, topic="factory/pdx/press07/telemetry"):
        """Run the jobs like the ingest thread."""
        mapping, target = self.targets["press"]
        transaction = Transaction()
        for payload in payloads:
            message = Message(topic, payload, 1, False, 1_700_000_000_000)
            levels = topic.split("/")
            mapped = mapping.apply(message, mapping.pattern.captures(levels), levels)
            for output, key, data in mapped.drafts:
                target.queues[output].append(target.mapping, key, data)
            reject(transaction, mapping, target, message, mapped.rejections, len(payload))
        self.spool.commit(transaction)

    def run(self, action="replay", numbers=None):
        numbers = self.numbers if numbers is None else numbers
        job = self.jobs.add(DeadLetterJob(action, numbers))
        while self.jobs:
            transaction = Transaction()
            part = self.jobs.fill(transaction, self.targets)
            self.spool.commit(transaction)
            part.committed()
        assert job.done.is_set()
        assert_ledger_balanced(self.spool)
        return job

    @property
    def numbers(self):
        return sorted(number for number, _ in self.spool.newest_dead_letters(10_000))

    def row(self, stream="telemetry"):
        return next(row for row in self.spool.ledger_rows() if row.stream == stream)


@pytest.fixture
def rig(tmp_path):
    made = []

    def make(mapping):
        made.append(Rig(tmp_path, mapping))
        return made[0]

    yield make
    made[0].spool.close()


def test_dead_letter_leaves_with_its_record_through_the_fixed_mapping(rig):
    press = rig(BROKEN)
    press.receive(b'{"t": "hot"}')
    assert press.row().dead_lettered == 1
    press.edit(MENDED)
    job = press.run()
    assert job.counts == {"replayed": 1}
    assert press.numbers == []
    assert press.spool.dead_letter_counts.count == 0
    assert data_of(take_all(press.spool, stream="telemetry")) == [b'{"machine":"press07","t":"hot"}']
    row = press.row()
    assert (row.received, row.dead_lettered, row.spooled, row.replayed) == (1, 0, 1, 1)


def test_dead_letter_that_fails_again_stays_with_the_new_reason(rig):
    press = rig(BROKEN)
    press.receive(b'{"t": "hot"}')
    press.edit(BROKEN.replace("multiply(payload.t, `2`)", "subtract(payload.t, `2`)"))
    job = press.run()
    assert job.counts == {"failed_again": 1}
    [(number, dead_letter)] = press.spool.newest_dead_letters(5)
    assert number == 1
    assert "subtract" in dead_letter.detail
    assert any("subtract" in reason for reason in job.reasons)
    assert (press.row().received, press.row().dead_lettered, press.row().replayed) == (1, 1, 0)


def test_dead_letter_that_is_filtered_now_is_counted_as_filtered(rig):
    press = rig(BROKEN)
    press.receive(b'{"t": "hot"}')
    press.edit("where: payload.t == `1`\n" + MENDED)
    assert press.run().counts == {"filtered": 1}
    assert (press.row().received, press.row().filtered, press.row().dead_lettered) == (1, 1, 0)
    assert press.numbers == []


def test_replay_creates_records_only_for_outputs_without_one(rig):
    press = rig(TWO)
    press.receive(b'{"t": 1}')
    assert len(take_all(press.spool, stream="archive")) == 1
    press.edit(TWO.replace("partition_key_from: payload.key", "partition_key: press"))
    assert press.run().counts == {"replayed": 1}
    assert take_all(press.spool, stream="archive") == []
    assert data_of(take_all(press.spool, stream="telemetry")) == [b'{"t":1}']


def test_replay_of_a_list_creates_only_the_rejected_item(rig):
    press = rig(EACH)
    press.receive(b'[{"key": "a"}, {"t": "hot"}, {"key": "c"}]')
    assert len(take_all(press.spool, stream="telemetry")) == 2
    press.edit(EACH.replace("partition_key_from: record.key", "partition_key: press"))
    assert press.run().counts == {"replayed": 1}
    assert data_of(take_all(press.spool, stream="telemetry")) == [b'{"t":"hot"}']


def test_replay_that_fails_in_part_creates_new_dead_letters(rig):
    press = rig("payload: text\n" + TWO.replace("{ t: payload.t }", "{ t: multiply(payload, `1`) }"))
    press.receive(b"x")
    assert press.row().dead_lettered == press.row("archive").dead_lettered == 1
    press.edit("payload: text\n" + TWO.replace("{ t: payload.t }", "{ t: payload }"))
    job = press.run()
    assert (job.counts["replayed"], job.counts["failed_again"]) == (1, 1)
    assert data_of(take_all(press.spool, stream="archive")) == [b'{"t":"x"}']
    [(number, dead_letter)] = press.spool.newest_dead_letters(5)
    assert (number, dead_letter.code, dead_letter.streams) == (2, "partition_key", ("telemetry",))
    assert (press.row().dead_lettered, press.row("archive").dead_lettered) == (1, 0)


def test_replay_keeps_a_message_that_can_never_be_mapped(rig):
    press = rig(MENDED)
    mapping, target = press.targets["press"]
    transaction = Transaction()
    message = Message("factory/pdx/press07/telemetry", b"begin", 1, False, 0)
    reject_oversized(transaction, mapping, target, message, 99)
    reject_topic(transaction, (press.spool.mapping_number(""), press.spool.stream_number("")), message, 5)
    press.spool.commit(transaction)
    job = press.run()
    assert job.counts == {"failed_again": 2}
    assert sorted(job.reasons) == [
        "it was never mapped: its topic is not UTF-8",
        "its payload was truncated when it was stored",
    ]


def test_mapping_that_is_removed_is_named(rig):
    press = rig(BROKEN)
    press.receive(b'{"t": "hot"}')
    press.targets = {}
    job = press.run()
    assert list(job.reasons) == ["mapping 'press' is not active"]
    assert press.numbers == [1]


def test_record_that_kinesis_refused_goes_back_to_its_queue(rig):
    press = rig(MENDED)
    press.receive(b'{"t": 1}')
    [record] = take_all(press.spool, stream="telemetry")
    settle(press.spool, (), [(record, "too_large", "2 MiB")], stream="telemetry")
    assert press.row().dead_lettered == 1
    assert press.run().counts == {"replayed": 1}
    [again] = take_all(press.spool, stream="telemetry")
    assert (again.key, again.data) == (record.key, record.data)
    assert (press.row().received, press.row().spooled, press.row().dead_lettered) == (1, 1, 0)


def test_deleted_dead_letters_stay_counted(rig):
    press = rig(BROKEN)
    press.receive(b'{"t": "hot"}', b'{"t": "cold"}')
    assert press.run("delete", [1, 7]).counts == {"deleted": 1, "not_found": 1}
    assert press.numbers == [2]
    assert (press.row().dead_lettered, press.row().deleted, press.spool.dead_letter_counts.count) == (2, 1, 1)


def test_number_that_is_given_twice_is_replayed_once(rig):
    press = rig(BROKEN)
    press.receive(b'{"t": "hot"}')
    press.edit(MENDED)
    assert press.run(numbers=[1, 1]).counts == {"replayed": 1, "not_found": 1}
    assert len(take_all(press.spool, stream="telemetry")) == 1


def test_job_of_many_dead_letters_runs_in_slices_with_committed_counts(rig):
    press = rig(BROKEN)
    press.receive(*(b'{"t": "%d"}' % number for number in range(SLICE_DEAD_LETTERS * 2 + 50)))
    press.edit(MENDED)
    job = press.jobs.add(DeadLetterJob("replay", press.numbers))
    transaction = Transaction()
    part = press.jobs.fill(transaction, press.targets)
    assert (part.dead_letters, job.counts, job.done.is_set()) == (SLICE_DEAD_LETTERS, {}, False)
    press.spool.commit(transaction)
    part.committed()
    assert job.counts == {"replayed": SLICE_DEAD_LETTERS}
    assert press.spool.dead_letter_counts.count == SLICE_DEAD_LETTERS + 50
    press.run(numbers=[])
    assert job.counts == {"replayed": SLICE_DEAD_LETTERS * 2 + 50}
    assert job.done.is_set()
