from bridge.ingest.bindings import bind_mappings, collect_due_samples
from bridge.ingest.topic_coverage import MessageCounter
from bridge.spool.database.transaction import Transaction
from tests.mapping.builders import applied, mapping, message
from tests.spool.builders import opened

BEGIN_MS = 1_700_000_000_000


def bound(spool, *mappings):
    return bind_mappings(spool, mappings, lambda _name: MessageCounter())


def held(spool, made):
    bound(spool, made)
    applied(made, message("x", received_at_ms=BEGIN_MS))
    spool.commit(Transaction())


def test_stateful_mappings_have_separate_stores(tmp_path):
    spool = opened(tmp_path)
    one, other = mapping("one", changes={}), mapping("other", changes={})
    bound(spool, one, other)
    applied(one, message(1))
    assert applied(other, message(1)).drafts
    assert not applied(one, message(1)).drafts
    spool.close()


def test_records_go_when_their_span_has_ended(tmp_path):
    spool = opened(tmp_path)
    made = mapping(sample={"every_secs": 10})
    held(spool, made)
    assert collect_due_samples(spool, [made], BEGIN_MS + 1000) == []
    ((number, released),) = collect_due_samples(spool, [made], BEGIN_MS + 10_000)
    assert (number, released.destination, released.data) == (spool.mapping_number("m"), "s", b'"x"')
    spool.close()


def test_sample_held_in_the_spool_survives_the_process(tmp_path):
    spool = opened(tmp_path)
    held(spool, mapping(sample={"every_secs": 10}))
    spool.close()
    spool = opened(tmp_path)
    made = mapping(sample={"every_secs": 10})
    bound(spool, made)
    assert [released.data for _, released in collect_due_samples(spool, [made], BEGIN_MS + 10_000)] == [b'"x"']
    spool.close()


def test_mapping_that_is_removed_leaves_its_records_and_is_forgotten(tmp_path):
    spool = opened(tmp_path)
    held(spool, mapping(sample={"every_secs": 10}))
    assert [released.data for _, released in collect_due_samples(spool, [], BEGIN_MS)] == [b'"x"']
    spool.commit(Transaction())
    assert collect_due_samples(spool, [], BEGIN_MS) == []
    spool.close()
    spool = opened(tmp_path)
    assert len(spool.state("m")) == 0
    spool.close()


def test_mapping_that_samples_no_more_keeps_the_rest_of_its_memory(tmp_path):
    spool = opened(tmp_path)
    held(spool, mapping(sample={"every_secs": 10}, changes={}))
    made = mapping(changes={})
    bound(spool, made)
    assert len(collect_due_samples(spool, [made], BEGIN_MS)) == 1
    assert len(spool.state("m")) == 1
    spool.close()
