"""Dead letters of messages that no mapping could process, in the transaction and in the ledger."""

import pytest

from bridge.ingest.bindings import bind_mappings
from bridge.ingest.rejection import reject, reject_oversized, reject_poison, reject_topic
from bridge.ingest.topic_coverage import TopicCoverage
from bridge.model import Rejection
from bridge.spool.database.transaction import Transaction
from tests.mapping.builders import mapping, message
from tests.spool.builders import assert_ledger_balanced, opened

OUTPUTS = [{"data_stream": "a"}, {"data_stream": "b", "packing": "lines"}, {"data_stream": "a"}]
STREAMS = ("a", "b packing=lines keys=spread", "a")


class Rig:
    """A mapping with three outputs, two of which have the same queue."""

    def __init__(self, folder):
        self.spool = opened(folder)
        self.mapping = mapping("press", topic="t", outputs=OUTPUTS)
        self.target = bind_mappings(self.spool, [self.mapping], TopicCoverage(0).tally)["press"]
        self.transaction = Transaction()

    def counts(self):
        """Commit, and return the numbers of dead letters in the ledger by (mapping, stream)."""
        self.spool.commit(self.transaction)
        assert_ledger_balanced(self.spool)
        rows = self.spool.ledger_rows()
        return {(row.mapping, row.stream): row.dead_lettered for row in rows if row.dead_lettered}


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


def test_rejections_become_one_dead_letter_each(rig):
    found = [Rejection((0, 1), 4, "transform", "no number"), Rejection((2,), None, "partition_key", "no text")]
    reject(rig.transaction, rig.mapping, rig.target, message(b"raw"), found, 3)
    first, second = rig.transaction.dead_letters
    assert (first.streams, first.item, first.code, first.detail) == (STREAMS[:2], 4, "transform", "no number")
    assert (second.streams, second.item, second.code) == (("a",), None, "partition_key")
    assert {(each.mapping, each.payload, each.total_bytes) for each in (first, second)} == {("press", b"raw", 3)}
    assert rig.counts() == {("press", "a"): 2, ("press", "b packing=lines keys=spread"): 1}


def test_rejections_of_a_message_without_any_add_nothing(rig):
    reject(rig.transaction, rig.mapping, rig.target, message(b"raw"), (), 3)
    assert rig.transaction.empty


@pytest.mark.parametrize(("function", "code"), [(reject_oversized, "too_large"), (reject_poison, "poison")])
def test_rejection_of_an_unmapped_message_counts_every_output(rig, function, code, caplog):
    function(rig.transaction, rig.mapping, rig.target, message(b"beginning"), 5_000_000)
    (dead_letter,) = rig.transaction.dead_letters
    assert (dead_letter.code, dead_letter.streams, dead_letter.mapping) == (code, STREAMS, "press")
    assert (dead_letter.payload, dead_letter.total_bytes) == (b"beginning", 5_000_000)
    assert ("poison message on topic t" in caplog.text) == (code == "poison")
    assert rig.counts() == {("press", "a"): 2, ("press", "b packing=lines keys=spread"): 1}


@pytest.mark.parametrize(
    ("topic", "properties", "detail"),
    [
        ("plant/\udcff", {}, "the topic is not UTF-8"),
        ("", {}, "the topic is empty"),
        ("", {"unreadable": "23"}, "no topic, but a topic alias"),
        ("plant/\udcff", {"unreadable": "23"}, "the topic is not UTF-8"),
    ],
)
def test_rejection_of_a_topic_names_the_reason(rig, topic, properties, detail):
    unmatched = rig.spool.mapping_number(""), rig.spool.stream_number("")
    reject_topic(rig.transaction, unmatched, message(b"x", topic=topic, properties=properties), 1)
    (dead_letter,) = rig.transaction.dead_letters
    assert dead_letter.detail.startswith(detail)
    assert (dead_letter.code, dead_letter.mapping, dead_letter.streams) == ("topic", "", ())
    assert rig.transaction.dead_lettered == {unmatched: 1}
