import hashlib
from collections import Counter

from tests.fakes.kinesis_streams import HASH_SPACE
from tests.faults.shared_shard_scenarios import ProducerLog, Shares, balanced_keys


def test_balanced_keys_are_as_many_for_each_shard():
    for shards in (1, 2):
        keys = balanced_keys(shards)
        placed = Counter(int(hashlib.md5(key.encode()).hexdigest(), 16) * shards // HASH_SPACE for key in keys)
        assert len(set(keys)) == 32
        assert placed == dict.fromkeys(range(shards), 32 // shards)


def test_equal_shares_of_nearly_all_have_no_fault():
    assert Shares((450.0, 450.0, 450.0, 450.0), 2_000.0, aggressive=False).faults() == []
    assert Shares((400.0, 600.0, 500.0, 500.0), 2_000.0, aggressive=False).faults() == []


def test_shares_that_differ_too_much_are_faults():
    found = Shares((390.0, 610.0, 500.0, 500.0), 2_000.0, aggressive=False).faults()
    assert found == [
        "bridge 1 has 78% of the fair share of 500 records/s",
        "bridge 2 has 122% of the fair share of 500 records/s",
    ]


def test_shards_that_are_not_used_are_a_fault():
    found = Shares((440.0, 440.0, 440.0, 440.0), 2_000.0, aggressive=False).faults()
    assert found == ["88% of the shards used; at least 90%"]


def test_share_below_half_beside_an_aggressive_producer_is_a_fault():
    assert Shares((100.0, 100.0, 100.0, 100.0, 600.0), 1_000.0, aggressive=True).faults() == []
    found = Shares((99.0, 101.0, 100.0, 100.0, 600.0), 1_000.0, aggressive=True).faults()
    assert found == ["bridge 1 has 50% of the fair share of 200 records/s"]


def test_producer_log_counts_first_arrivals_by_producer():
    log = ProducerLog(3)
    for number in (0, 1, 1, 4, 6):
        log.add(b'{"n":%d}' % number)
    assert log.delivered == [2, 2, 0]
    assert log.duplicates == 1
