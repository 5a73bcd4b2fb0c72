import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.tools.proof import queue_proof
from bridge.tools.proof.manifest import QueueId, parse_manifest
from bridge.tools.proof.queue_proof import QueueProof
from tests.tools.proof.manifests import SPOOL, manifest, record

QUEUE = QueueId(SPOOL, 1)


def proof_of(*steps):
    """Return the proof of these manifests, as bytes, and of records, as numbers or as (number, content)."""
    made = QueueProof(QUEUE)
    for each in steps:
        if isinstance(each, bytes):
            made.add_manifest(parse_manifest(each))
        else:
            number, content = each if isinstance(each, tuple) else (each, b"1")
            made.add_record(number, record(number, content))
    return made


def at(hour):
    return f"2026-01-31T{hour:02}:00:00.000Z"


EXCLUDED = {"except": [{"first": 3, "last": 4, "reason": "dropped"}, {"first": 4, "last": 5, "reason": "no envelope"}]}
MANIFESTS = [manifest(1, 6, **EXCLUDED, at=at(1)), manifest(7, 7, at=at(2)), manifest(8, 12, at=at(3))]
RECORDS = st.lists(st.integers(1, 15) | st.tuples(st.integers(1, 15), st.just(b"2")), max_size=30, unique_by=str)


@given(records=RECORDS, data=st.data())
def test_verdict_does_not_depend_on_when_the_manifests_are_read(records, data):
    mixed = list(records)
    for each in data.draw(st.permutations([*MANIFESTS, MANIFESTS[0]])):
        mixed.insert(data.draw(st.integers(0, len(mixed))), each)
    assert proof_of(*mixed).verdict("") == proof_of(*MANIFESTS, *records).verdict("")


@given(records=RECORDS, restarts=st.sets(st.integers(0, 30)))
def test_verdict_does_not_depend_on_restarts(records, restarts):
    made = QueueProof(QUEUE)
    for place, each in enumerate([*records[:9], *MANIFESTS, *records[9:]]):
        if isinstance(each, bytes):
            made.add_manifest(parse_manifest(each))
        else:
            number, content = each if isinstance(each, tuple) else (each, b"1")
            made.add_record(number, record(number, content))
        if place in restarts:
            made = QueueProof.of(json.loads(json.dumps(made.stored())))
    assert made.verdict("") == proof_of(*MANIFESTS, *records).verdict("")


@given(found=st.sets(st.integers(1, 15)))
def test_missing_numbers_are_those_that_are_covered_and_not_excluded(found):
    verdict = proof_of(*MANIFESTS, *found).verdict("")
    missing = {number for low, high in verdict.missing for number in range(low, high + 1)}
    assert missing == {1, 2, 6, *range(7, 13)} - found
    assert verdict.complete == (not missing)
    assert (verdict.covered, verdict.excluded, verdict.altered) == (12, 3, ())
    assert verdict.excluded_by == {"dropped": 2, "no envelope": 2}
    assert verdict.later == len(found & {13, 14, 15})
    assert verdict.awaited == len(set(range(13, max(found, default=0))) - found)


def test_altered_record_is_in_the_span_of_its_manifest():
    verdict = proof_of(*MANIFESTS, *range(1, 10), (10, b"2"), 11, 12).verdict("")
    assert (verdict.complete, verdict.altered) == (False, ((8, 12),))


def test_second_record_of_a_number_is_only_a_repetition():
    verdict = proof_of(*MANIFESTS, *range(1, 13), (1, b"2"), 1).verdict("")
    assert (verdict.complete, verdict.repeated, verdict.found) == (True, 2, 12)


@pytest.mark.parametrize("records_first", [True, False])
@pytest.mark.parametrize("spans", [[(1, 10), (6, 12)], [(1, 12), (3, 4), (6, 7)], [(1, 10), (1, 12)]])
def test_unchanged_records_of_overlapping_manifests_are_not_altered(spans, records_first):
    manifests = [manifest(first, last, since=1, at=at(hour)) for hour, (first, last) in enumerate(spans)]
    steps = [*range(1, 13), *manifests] if records_first else [*manifests, *range(1, 13)]
    verdict = proof_of(*steps).verdict("")
    assert (verdict.complete, verdict.altered, verdict.missing) == (False, (), ())
    assert verdict.unchecked == verdict.covered
    assert verdict.overlapping[0][0] == spans[1][0]


def test_manifests_beside_overlapping_ones_are_checked():
    steps = [manifest(1, 4), manifest(5, 8), manifest(7, 9, at=at(2)), manifest(10, 12)]
    verdict = proof_of(*steps, (1, b"2"), *range(2, 12), (12, b"2")).verdict("")
    assert (verdict.altered, verdict.overlapping, verdict.unchecked) == (((1, 4), (10, 12)), ((7, 8),), 7)


def test_numbers_between_and_before_the_manifests_are_uncovered():
    verdict = proof_of(manifest(3, 4, since=1), manifest(7, 8, since=1), *range(1, 9)).verdict("")
    assert (verdict.complete, verdict.uncovered) == (False, ((1, 2), (5, 6)))


def test_manifests_that_may_have_expired_are_not_uncovered():
    verdict = proof_of(manifest(3, 4, since=1, at=at(5)), 3, 4).verdict(at(1))
    assert (verdict.complete, verdict.uncovered, verdict.expired) == (True, (), 0)


def test_records_of_a_manifest_after_an_old_one_have_expired():
    manifests = [manifest(1, 4, at=at(1)), manifest(5, 8, at=at(3)), manifest(9, 12, at=at(5))]
    verdict = proof_of(*manifests, 8, 9, 10).verdict(at(2))
    # The records 5 to 8 were sent between the first two manifests, so some of them may be older than two o'clock.
    assert (verdict.expired, verdict.missing) == (4 + 3, ((11, 12),))
    assert verdict.covered == 12 - verdict.expired


def test_record_without_a_checksum_makes_only_its_manifest_unchecked(monkeypatch):
    monkeypatch.setattr(queue_proof, "MAX_PENDING", 8)
    made = QueueProof.of(json.loads(json.dumps(proof_of(*range(1, 13)).stored())))
    for each in MANIFESTS:
        made.add_manifest(parse_manifest(each))
    verdict = made.verdict("")
    assert (verdict.complete, verdict.unchecked) == (True, 5)


@pytest.mark.parametrize(
    "change", [{"checksums": []}, {"checksums": [0, 0]}, {"queue": [SPOOL]}, {"manifests": [[1]]}, {"pending": [1]}]
)
def test_stored_proof_that_is_damaged_is_refused(change):
    with pytest.raises((KeyError, TypeError, ValueError)):
        QueueProof.of({**proof_of(manifest(1, 2), 1).stored(), **change})
