"""Division of keys among aggregated records, and payloads that another producer has already aggregated."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.kinesis.packing.kpl_aggregation import FRAME_BYTES, MAGIC, KplEncoder, is_aggregate
from bridge.kinesis.packing.packers import KeylessKplPacker, KplPacker
from bridge.kinesis.packing.unpack import unpacked as read_by_the_bridge
from bridge.kinesis.shard_map import Shard
from bridge.model import Record
from tests.harness.consumers import hash_of, kept_by_kcl, unpacked

FOREIGN = KplEncoder().encode([Record(n, 1, f"foreign-{n}", b"inside") for n in range(3)], 0, 1 << 20).data
SHARD = Shard("shardId-0", hash_of("machine-1"), hash_of("machine-1"))
EVERYTHING = Shard("shardId-0", 0, (1 << 128) - 1)
PACKERS = [KplPacker(), KeylessKplPacker(lambda _number, _size: ("machine-1", SHARD))]


def test_aggregated_record_is_recognised_by_magic_and_md5():
    assert is_aggregate(FOREIGN)
    for data in (b"", MAGIC, FOREIGN[:-1], FOREIGN + b"\n", b"x" + FOREIGN, FOREIGN[:10] + b"x" + FOREIGN[11:]):
        assert not is_aggregate(data)


def test_magic_and_md5_of_nothing_are_no_aggregated_record():
    """The KCL de-aggregates only data that is longer than the magic number and the digest."""
    nothing = MAGIC + bytes.fromhex("d41d8cd98f00b204e9800998ecf8427e")
    assert len(nothing) == FRAME_BYTES
    assert not is_aggregate(nothing)


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("shard", [SHARD, None])
def test_alone_it_is_aggregated_once_more_and_found_unchanged(packer, shard):
    (packed,) = packer.pack([Record(1, 1, "machine-1", FOREIGN)], shard, 25_600)
    assert packed.hash_key is None
    assert kept_by_kcl(SHARD, packed.key, packed.data) == [("machine-1", FOREIGN)]
    assert list(read_by_the_bridge(packed.data)) == [FOREIGN]


def test_sent_as_it_is_the_kcl_would_discard_it():
    assert kept_by_kcl(SHARD, "machine-1", FOREIGN) == []
    assert [data for _, data in unpacked("machine-1", FOREIGN)] == [b"inside"] * 3


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("most", [1, 25_600])
def test_among_others_it_is_found_unchanged(packer, most):
    """With the smallest limit, each packed record contains one record."""
    records = [Record(n, 1, "machine-1", data) for n, data in enumerate([b"before", FOREIGN, FOREIGN, b"after"], 1)]
    found = []
    for packed in packer.pack(records, SHARD, most):
        found += kept_by_kcl(SHARD, packed.key, packed.data)
    assert found == [(record.key, record.data) for record in records]


@pytest.mark.parametrize("packer", PACKERS)
def test_record_that_is_alone_is_not_packed(packer):
    for data in (b"{}", FOREIGN[:-1], MAGIC):
        (packed,) = packer.pack([Record(1, 1, "machine-1", data)], SHARD, 25_600)
        assert packed.data == data


def test_record_alone_in_an_aggregate_grows_by_its_key_and_some_bytes():
    (packed,) = KplPacker().pack([Record(1, 1, "machine-1", FOREIGN)], SHARD, 25_600)
    assert len(packed.data) - len(FOREIGN) - len("machine-1") < 40


KEYED = st.lists(st.tuples(st.sampled_from("abcdef"), st.binary(max_size=120)), min_size=1, max_size=80)


def by_key(packed):
    """Return {key: [packed records with this key]}."""
    return {key: [each for each in packed if key in each.keys] for each in packed for key in each.keys}


@settings(max_examples=100, deadline=None)
@given(KEYED, st.integers(60, 1500))
def test_kpl_key_is_divided_only_behind_records_of_no_other_key(rows, most):
    records = [Record(number, 1, *row) for number, row in enumerate(rows, 1)]
    packed = list(KplPacker().pack(records, EVERYTHING, most))
    assert Counter(record for each in packed for record in each.records) == Counter(records)
    for key, holders in by_key(packed).items():
        assert all(each.hash_key is None for each in holders[:-1])
        numbers = [record.number for each in holders for record in each.records if record.key == key]
        assert numbers == sorted(numbers)


@settings(max_examples=100, deadline=None)
@given(KEYED, st.integers(60, 1500))
def test_kpl_complete_keys_are_read_back_within_the_limit(rows, most):
    records = [Record(number, 1, *row) for number, row in enumerate(rows, 1)]
    for each in KplPacker().pack(records, EVERYTHING, most):
        assert each.counted_bytes <= most or len(each.records) == 1
        assert kept_by_kcl(EVERYTHING, each.key, each.data) == [(record.key, record.data) for record in each.records]


def test_kpl_with_strict_order_fills_a_record_with_a_part_of_a_key():
    records = [Record(n, 1, "a" if n <= 5 else "b", b"x" * 100) for n in range(1, 11)]
    assert [len(each.records) for each in KplPacker(whole_keys=False).pack(records, EVERYTHING, 900)] == [8, 2]
    assert [len(each.records) for each in KplPacker().pack(records, EVERYTHING, 900)] == [5, 5]
