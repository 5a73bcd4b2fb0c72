"""Verdicts, and memory that does not depend on what foreign records claim. test_manifest_writer.py has real spools."""

import orjson
import pytest

from bridge.spool.queue.record_checksum import checksum_of, checksum_text
from bridge.tools.proof import queue_proof, verifier
from bridge.tools.proof.manifest import MAX_NUMBER, QueueId
from bridge.tools.proof.verifier import ProofTooLarge, Verifier
from tests.tools.proof.manifests import SPOOL, fields, manifest, record


def verified(manifests, records):
    made = Verifier()
    for each in manifests:
        made.add_manifest(each)
    for each in records:
        made.add_record(each)
    return made


def verdict_of(manifests, records):
    (verdict,) = verified(manifests, records).verdicts()
    return verdict


def records(first, last):
    return [record(number) for number in range(first, last + 1)]


def test_records_with_the_content_of_their_checksum_are_complete():
    verdict = verdict_of([manifest(1, 10), manifest(11, 20)], records(1, 20))
    assert (verdict.complete, verdict.covered, verdict.found, verdict.unchecked) == (True, 20, 20, 0)


def test_record_that_only_begins_like_an_envelope_is_altered():
    verdict = verdict_of([manifest(1, 10)], [*records(1, 9), b'{"id":"0000000a-0001-00000000000a" and no more'])
    assert (verdict.complete, verdict.altered, verdict.missing) == (False, ((1, 10),), ())


def test_swapped_contents_are_altered():
    swapped = [record(1, b"[1]"), record(2, b"[2]")]
    made = [manifest(1, 2, checksum=checksum_over(swapped))]
    assert verdict_of(made, swapped).complete
    assert verdict_of(made, [record(1, b"[2]"), record(2, b"[1]")]).altered == ((1, 2),)


def checksum_over(made):
    total = 0
    for each in made:
        total ^= checksum_of(each)
    return checksum_text(total)


def test_manifest_that_comes_twice_counts_once():
    verdict = verdict_of([manifest(1, 10), manifest(1, 10)], records(1, 10))
    assert (verdict.complete, verdict.covered) == (True, 10)


def test_different_manifests_of_the_same_numbers_are_a_restored_spool():
    restored = manifest(6, 12, at="2026-01-31T13:00:00.000Z")
    verdict = verdict_of([manifest(1, 10), restored], records(1, 12))
    assert (verdict.complete, verdict.overlapping) == (False, ((6, 10),))


def test_manifests_that_come_after_their_records_check_their_content():
    made = verified([], records(1, 10))
    assert made.without_manifest() == {QueueId(SPOOL, 1): 10}
    made.add_manifest(manifest(1, 10))
    (verdict,) = made.verdicts()
    assert (verdict.complete, verdict.unchecked) == (True, 0)


def test_excluded_record_that_is_in_the_stream_is_no_difference():
    spans = {"except": [{"first": 3, "last": 4, "reason": "dead_lettered"}]}
    for found in (records(1, 10), [*records(1, 3), *records(5, 10)], [*records(1, 2), *records(5, 10)]):
        assert verdict_of([manifest(1, 10, **spans)], found).complete


def test_content_beyond_what_is_stored_is_not_checked(monkeypatch):
    monkeypatch.setattr(queue_proof, "MAX_PENDING", 3)
    made = verified([], records(1, 10))
    made.add_manifest(manifest(1, 10))
    (verdict,) = made.verdicts()
    assert (verdict.complete, verdict.unchecked) == (True, 10)


def test_claimed_numbers_take_no_memory_and_are_missing():
    verdict = verdict_of([manifest(1, MAX_NUMBER)], records(1, 10))
    assert (verdict.missing, verdict.complete) == (((11, MAX_NUMBER),), False)


@pytest.mark.parametrize("change", [{"stream": None}, {"bridge": 7}, {"first": "x"}, {"first": 1.5}, {"last": 0}])
def test_foreign_record_in_the_manifests_stream_is_counted_and_no_more(change):
    made = verified([orjson.dumps(fields(**change)), manifest(1, 10)], records(1, 10))
    (verdict,) = made.verdicts()
    assert (verdict.complete, made.invalid) == (True, 1)


def test_scattered_ids_end_the_proof_and_not_the_machine(monkeypatch):
    monkeypatch.setattr(verifier, "MAX_BLOCKS", 5)
    with pytest.raises(ProofTooLarge, match="scattered"):
        verified([], [record(number << 20) for number in range(1, 10)])


def test_manifests_without_end_end_the_proof(monkeypatch):
    monkeypatch.setattr(verifier, "MAX_MANIFESTS", 5)
    with pytest.raises(ProofTooLarge, match="manifests"):
        verified([manifest(number, number) for number in range(1, 10)], [])


def test_discarded_records_are_missing_and_counted():
    made = verified([manifest(1, 3)], records(1, 2))
    made.add_discarded(record(3))
    made.add_discarded(record(3, spool="0000000b"))
    (verdict,) = made.verdicts()
    assert (verdict.missing, verdict.discarded, made.others) == (((3, 3),), 1, 1)
