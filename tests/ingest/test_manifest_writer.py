"""Manifests of a real spool, and the proof of a complete stream with them."""

import sqlite3
import time
from contextlib import closing

import orjson
import pytest

from bridge.ingest.manifest_writer import ManifestSettings, ManifestWriter
from bridge.mapping.loading.mapping_loader import load_folder
from bridge.mapping.pipeline.envelope import envelopes
from bridge.model import UnnumberedEnvelope
from bridge.spool.database.transaction import Transaction
from bridge.spool.queue.record_checksum import checksum_of
from bridge.tools.proof.manifest import QueueId
from bridge.tools.proof.verifier import Verifier
from tests.cli.builders import set_up
from tests.spool.builders import assert_ledger_balanced, data_of, opened, settle, take, take_all

PRESS = """
topic: factory/{site}/{machine}/telemetry
transform: "{ t: payload.t }"
outputs: [{data_stream: press, partition_key: k, envelope: true}]
"""


class Rig:
    """Spool whose queue `press` has manifests in the stream `manifests`."""

    def __init__(self, folder):
        self.folder = folder
        if not (folder / "mappings").exists():
            set_up(folder, press=PRESS)
        self.spool = opened(folder / "data")
        self.now_ms = 1_700_000_000_000
        self.manifests = ManifestWriter(
            self.spool, "press-shop", ManifestSettings(data_stream="manifests", every_secs=60)
        )
        self.manifests.cover(load_folder(folder / "mappings", {}).mappings.values())
        self.envelope = envelopes("press", "9f86d081884c")

    def put(self, count, *, plain=False, together=False):
        """Store records, each in a separate transaction or all in one."""
        queue, number = self.spool.queue("press"), self.spool.mapping_number("press")
        for each in range(count):
            scope = {"received_at": "2026-01-31T12:00:00.000Z", "topic": "plant/é"}
            queue.append(number, "k", b"{}" if plain else self.envelope(scope, b'{"t":%d}' % each))
            if not together:
                self.spool.commit(Transaction())
        self.spool.commit(Transaction())

    def deliver(self, count, reject=()):
        """Deliver the next records, except those at these places, which Kinesis refuses."""
        records = take(self.spool, count)
        good = [record for place, record in enumerate(records) if place not in reject]
        settle(self.spool, good, [(record, "too_large", "") for record in records if record not in good])
        return data_of(good)

    def tell(self):
        self.now_ms += 60_000
        transaction = Transaction()
        if self.manifests.fill(transaction, self.now_ms):
            self.spool.commit(transaction)
        return data_of(take_all(self.spool, stream="manifests"))


@pytest.fixture
def rig(tmp_path):
    made = [Rig(tmp_path)]

    def again():
        made[-1].spool.close()
        made.append(Rig(tmp_path))
        return made[-1]

    made[0].again = again
    yield made[0]
    assert_ledger_balanced(made[-1].spool)
    made[-1].spool.close()
    made[-1].spool.close()


def proof_of(manifests, records):
    proof = Verifier()
    for each in manifests:
        proof.add_manifest(each)
    for each in records:
        proof.add_record(each)
    return proof


def test_ids_have_no_gap_and_are_in_manifests_after_delivery(rig):
    rig.put(10)
    assert rig.tell() == []
    delivered = rig.deliver(6)
    [manifest] = map(orjson.loads, rig.tell())
    assert (manifest["bridge"], manifest["stream"], manifest["first"], manifest["last"]) == (
        "press-shop",
        "press",
        1,
        6,
    )
    assert manifest["except"] == []
    assert [orjson.loads(data)["id"] for data in delivered] == [
        f"{manifest['spool']}-{manifest['queue']:04x}-{number:012x}" for number in range(1, 7)
    ]
    assert rig.tell() == []
    rig.deliver(4)
    [manifest] = map(orjson.loads, rig.tell())
    assert (manifest["first"], manifest["last"]) == (7, 10)


def test_stream_that_holds_everything_is_proven(rig):
    rig.put(100)
    records, manifests = rig.deliver(60, reject=(3, 4, 17)), rig.tell()
    records += rig.deliver(40)
    manifests += rig.tell()
    proof = proof_of(manifests, [*records, records[0], b'{"other": 1}'])
    [verdict] = proof.verdicts()
    assert verdict.complete
    assert (verdict.covered, verdict.excluded, verdict.found, verdict.repeated, verdict.later) == (100, 3, 97, 1, 0)
    assert proof.others == 1


def test_proof_reports_each_missing_record(rig):
    rig.put(50)
    records, manifests = rig.deliver(50), rig.tell()
    [verdict] = proof_of(manifests, records[:9] + records[12:30] + records[31:]).verdicts()
    assert not verdict.complete
    assert verdict.missing == ((10, 12), (31, 31))


def test_manifest_that_is_missing_is_reported(rig):
    records, manifests = [], []
    for _ in range(3):
        rig.put(10)
        records += rig.deliver(10)
        manifests += rig.tell()
    [verdict] = proof_of([manifests[0], manifests[2], manifests[2]], records).verdicts()
    assert (verdict.uncovered, verdict.missing, verdict.complete) == (((11, 20),), (), False)


def test_records_after_the_last_manifest_are_counted_as_later(rig):
    rig.put(10)
    records, manifests = rig.deliver(5), rig.tell()
    records += rig.deliver(5)
    [verdict] = proof_of(manifests, records).verdicts()
    assert (verdict.complete, verdict.later) == (True, 5)


def test_records_without_an_envelope_are_excepted_by_name(rig):
    rig.put(3)
    rig.put(2, plain=True, together=True)
    records = rig.deliver(5)
    [manifest] = map(orjson.loads, rig.tell())
    assert manifest["except"] == [{"first": 4, "last": 5, "reason": "no envelope"}]
    assert next(proof_of([orjson.dumps(manifest)], records).verdicts()).complete


def test_record_numbers_continue_over_a_restart_exactly_once(rig):
    rig.put(10)
    records, manifests = rig.deliver(4, reject=(1,)), rig.tell()
    later = rig.again()
    later.put(5)
    records += later.deliver(11)
    manifests += later.tell()
    assert [(each["first"], each["last"]) for each in map(orjson.loads, manifests)][-1] == (5, 15)
    told = [each for each in map(orjson.loads, manifests) if each["first"] == 1]
    assert told[0]["except"] == [{"first": 2, "last": 2, "reason": "dead_lettered"}]
    assert next(proof_of(manifests, records).verdicts()).complete


def test_spool_that_was_begun_again_has_another_id(tmp_path):
    ids = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        spool = opened(tmp_path / name)
        ids.add(spool.id)
        spool.close()
        assert opened(tmp_path / name).id in ids
    assert len(ids) == 2


def test_id_takes_the_room_that_was_stored_for_it():
    data = UnnumberedEnvelope(UnnumberedEnvelope.UNNUMBERED + b'","data":1}')
    numbered = data.numbered(b"5f3a9c0e", 0xFFFF, (1 << 48) - 1)
    assert len(numbered) == len(data)
    assert orjson.loads(numbered) == {"id": "5f3a9c0e-ffff-ffffffffffff", "data": 1}


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"manifest": 1}', b'{"spool": 1, "queue": "x", "first": 1}', b"\xff"]
)
def test_record_that_is_no_manifest_proves_nothing(data):
    assert list(proof_of([data], [data]).verdicts()) == []


def test_first_manifest_that_is_missing_is_reported(rig):
    rig.put(6)
    records = rig.deliver(3)
    rig.tell()
    records += rig.deliver(3)
    [second] = [told for told in rig.tell() if orjson.loads(told)["first"] == 4]
    [verdict] = proof_of([second], records).verdicts()
    assert verdict.uncovered == ((1, 3),)


def test_records_past_the_streams_retention_are_not_missing(rig):
    rig.put(9)
    manifests, records = [], []
    for _ in range(3):
        records.append(rig.deliver(3))
        manifests.append(rig.tell())
    times = [orjson.loads(told)["at"] for [told] in manifests]
    [verdict] = proof_of(manifests[1] + manifests[2], records[2]).verdicts(times[1])
    assert (verdict.complete, verdict.expired, verdict.covered) == (True, 3, 3)
    [verdict] = proof_of(manifests[1] + manifests[2], records[1]).verdicts(times[1])
    assert (verdict.missing, verdict.until) == (((7, 9),), times[2])


def test_late_record_number_is_reported_separately_from_a_loss(rig):
    rig.put(6)
    records, manifests = rig.deliver(2), rig.tell()
    records += rig.deliver(4)
    [verdict] = proof_of(manifests, [*records[:3], records[5]]).verdicts()
    assert (verdict.complete, verdict.later, verdict.awaited) == (True, 2, 2)


def test_dropped_and_replayed_records_are_excluded_from_the_proof(rig):
    rig.put(2)
    rig.spool.commit(Transaction(expire_before_ms=time.time_ns() // 1_000_000 + 60_000))
    rig.put(3)
    records = rig.deliver(3)
    rig.spool.queue("press").append(rig.spool.mapping_number("press"), "k", b'{"a dead letter":"replayed"}')
    rig.spool.commit(Transaction())
    records += rig.deliver(1)
    [manifest] = map(orjson.loads, rig.tell())
    assert [(each["first"], each["last"], each["reason"]) for each in manifest["except"]] == [
        (1, 2, "dropped"),
        (6, 6, "no envelope"),
    ]
    [verdict] = proof_of([orjson.dumps(manifest)], records).verdicts()
    assert (verdict.complete, verdict.excluded, verdict.covered) == (True, 3, 6)


def test_manifests_of_several_bridges_have_separate_verdicts():
    manifest = {"manifest": 1, "bridge": "a", "stream": "s", "first": 1, "last": 1, "except": [], "queue": 1}
    manifest["at"] = "2026-01-31T12:00:00.000Z"
    manifests = [orjson.dumps({**manifest, "spool": spool}) for spool in ("0000000a", "0000000b")]
    verdicts = list(proof_of(manifests, [b'{"id":"0000000a-0001-000000000001","data":1}']).verdicts())
    assert [(each.queue, each.complete) for each in verdicts] == [
        (QueueId("0000000a", 1), True),
        (QueueId("0000000b", 1), False),
    ]


def test_records_of_a_spool_that_no_manifest_reports_of_are_counted_apart():
    proof = proof_of([], [b'{"id":"0000000a-0001-%012x","data":1}' % number for number in (1, 2, 2)])
    assert proof.without_manifest() == {QueueId("0000000a", 1): 2}
    assert list(proof.verdicts()) == []


def test_manifest_has_the_checksum_of_what_was_delivered(rig):
    rig.put(30, together=True)
    records, manifests = rig.deliver(30, reject=(3, 17)), rig.tell()
    [verdict] = proof_of(manifests, records).verdicts()
    assert (verdict.complete, verdict.unchecked) == (True, 0)
    changed = [*records[:5], records[5].replace(b'"t":', b'"T":'), *records[6:]]
    [verdict] = proof_of(manifests, changed).verdicts()
    assert (verdict.complete, verdict.altered, verdict.missing) == (False, ((1, 30),), ())


def test_manifest_ends_with_a_transaction_that_is_settled_completely(rig):
    for _ in range(3):
        rig.put(10, together=True)
    records = rig.deliver(25)
    [manifest] = map(orjson.loads, rig.tell())
    assert (manifest["first"], manifest["last"]) == (1, 20)
    records += rig.deliver(5)
    manifests = [orjson.dumps(manifest), *rig.tell()]
    assert (orjson.loads(manifests[1])["first"], orjson.loads(manifests[1])["last"]) == (21, 30)
    [verdict] = proof_of(manifests, records).verdicts()
    assert (verdict.complete, verdict.covered, verdict.unchecked) == (True, 30, 0)


def test_checksum_is_right_over_restarts_drops_and_no_envelope(rig):
    rig.put(10, together=True)
    rig.put(3, plain=True, together=True)
    rig.spool.commit(Transaction(expire_before_ms=time.time_ns() // 1_000_000 + 60_000))
    rig.put(7, together=True)
    later = rig.again()
    records, manifests = later.deliver(7, reject=(0,)), later.tell()
    [verdict] = proof_of(manifests, records).verdicts()
    assert (verdict.complete, verdict.covered, verdict.excluded, verdict.unchecked) == (True, 20, 14, 0)


def test_checksum_does_not_depend_on_a_late_mark_or_on_line_breaks(rig):
    rig.put(2, together=True)
    records, manifests = rig.deliver(2), rig.tell()
    place = (rig.spool.id, rig.spool.queue("press").number, 1)
    sent = [UnnumberedEnvelope.late(records[0], *place), records[1]]
    [verdict] = proof_of(manifests, sent).verdicts()
    assert b'"late":true' in sent[0]
    assert verdict.complete
    pretty, plain = (b'{"id":"0000000a-0001-000000000001","data":{%b}}' % gap for gap in (b"\r\n ", b"   "))
    assert checksum_of(pretty) == checksum_of(plain)


def test_records_from_before_checksums_are_covered_without_one(rig):
    rig.put(4, together=True)
    with closing(sqlite3.connect(rig.folder / "data" / "spool.db")) as database, database:
        database.execute("delete from checksums")
    rig.put(2, together=True)
    records, manifests = rig.deliver(6), rig.tell()
    assert [("checksum" in told, told["last"]) for told in map(orjson.loads, manifests)] == [(False, 4)]
    manifests += rig.tell()
    [verdict] = proof_of(manifests, records).verdicts()
    assert (verdict.complete, verdict.covered, verdict.unchecked) == (True, 6, 4)


def test_rows_of_checksums_are_deleted_with_their_manifest(rig):
    rig.put(5)
    rig.deliver(5)
    rig.tell()
    queue = rig.spool.queue("press")
    assert rig.spool.reading.checksum_runs(queue, queue.next) == []


@pytest.mark.parametrize("step_ms", [30 * 86_400_000, -30 * 86_400_000], ids=["forward", "back"])
def test_manifests_after_the_clock_is_set_continue_without_a_gap(rig, step_ms):
    rig.put(4)
    rig.deliver(4)
    manifests = rig.tell()
    rig.now_ms += step_ms
    rig.put(4)
    rig.deliver(4)
    manifests = [orjson.loads(each) for each in (*manifests, *rig.tell())]
    assert len(manifests) == 2, manifests
    assert manifests[1]["first"] == manifests[0]["last"] + 1
    assert not rig.manifests.fill(Transaction(), rig.now_ms + 1_000)  # the interval also applies after the step
