from random import Random

import pytest

from bridge.delivery.key_queue import NOW
from bridge.delivery.key_queues import LANES, KeyQueues
from bridge.kinesis.shard_map import Shard
from bridge.model import Record

ALL = 1 << 30
LEFT, RIGHT = Shard("left", 0, 9), Shard("right", 10, 19)


def record(number, key="k", size=10):
    return Record(number, 1, key, b"x" * size)


def queues(*records, exact=False, keyless=False):
    made = KeyQueues(keyless=keyless, exact=exact)
    made.append(records)
    return made


def draw(made, records=ALL, size=ALL, max_queues=ALL, now=0.0):
    """Draw once from every shard queue that is ready; return the holds."""
    return [made.draw(shard_queue, records, size, max_queues)[0] for shard_queue in made.ready(now)]


def numbers(holds):
    return [record.number for hold in holds for record in hold.records]


def test_draw_takes_all_and_mutes_their_keys():
    made = queues(record(1, "a"), record(2, "b"), record(3, "a"))
    (hold,) = draw(made)
    assert sorted(numbers([hold])) == [1, 2, 3]
    assert (made.records, made.size) == (0, 0)
    made.append([record(4, "a")])
    assert draw(made) == []
    made.release(hold)
    assert numbers(draw(made)) == [4]


def test_draw_within_records_bytes_and_queues():
    made = queues(*[record(n, "a") for n in range(1, 9)])
    assert numbers(draw(made, records=3)) == [1, 2, 3]
    made = queues(*[record(n, "a") for n in range(1, 9)])
    assert numbers(draw(made, size=25)) == [1, 2]
    made = queues(*[record(n, f"k{n}") for n in range(1, 9)], exact=True)
    assert numbers(draw(made, max_queues=2)) == [1, 2]


def test_draw_takes_one_record_however_large():
    made = queues(record(1, size=5000), record(2))
    assert numbers(draw(made, size=100)) == [1]


def test_unsent_records_go_back_to_their_places():
    made = queues(*[record(n, f"k{n % 3}") for n in range(1, 10)], exact=True)
    (hold,) = draw(made)
    sent = [each for each in hold.records if each.key == "k1"]
    made.return_unsent(hold, [each for each in hold.records if each.key != "k1"])
    assert hold.records == sent
    assert sorted(numbers(draw(made))) == [2, 3, 5, 6, 8, 9]
    made.release(hold)
    assert draw(made) == []


def test_unsent_part_of_a_key_waits_for_the_part_that_was_sent():
    made = queues(record(1, "a"), record(2, "a"))
    (hold,) = draw(made)
    made.return_unsent(hold, [record(2, "a")])
    assert draw(made) == []
    made.release(hold)
    assert numbers(draw(made)) == [2]


def test_reenqueued_records_come_first_and_in_order():
    made = queues(*[record(n, "a") for n in (1, 2, 3)])
    (hold,) = draw(made)
    made.append([record(4, "a"), record(5, "b")])
    made.reenqueue([record(2, "a"), record(1, "a")])
    made.release(hold)
    assert numbers(draw(made)) == [1, 2, 4, 5]


def test_back_off_delays_its_key_only():
    made = queues(record(1, "a"))
    (hold,) = draw(made)
    made.append([record(2, "a"), record(3, "b")])
    made.reenqueue([record(1, "a")], not_before=5.0)
    made.release(hold)
    assert numbers(draw(made, now=1.0)) == [3]
    assert made.next_due() == 5.0
    assert numbers(draw(made, now=5.0)) == [1, 2]


def test_keyless_back_off_delays_only_what_failed():
    made = queues(record(1, "1"), keyless=True)
    (hold,) = draw(made)
    made.reenqueue([record(1, "1")], not_before=5.0)
    made.release(hold)
    made.append([record(2, "2")])
    assert numbers(draw(made, now=1.0)) == [2]
    assert made.oldest() == 1
    assert numbers(draw(made, now=5.0)) == [1]


def test_key_muted_twice_stays_muted_until_both_are_released():
    made = queues()
    first, second = made.withhold([record(1, "a")]), made.withhold([record(2, "a")])
    made.append([record(3, "a")])
    made.release(first)
    assert draw(made) == []
    made.release(second)
    assert numbers(draw(made)) == [3]


def test_reroute_keeps_order_and_muted_keys():
    made = queues(*[record(n, key) for n, key in enumerate("abab", 1)])
    (hold,) = draw(made, records=2)
    waiting = {1, 2, 3, 4} - set(numbers([hold]))
    made.append([record(5, "c"), *[record(n, key) for n, key in ((7, "a"), (8, "b"))]])
    made.reroute(lambda key: LEFT if key in "ac" else RIGHT)
    assert made.records == len(waiting) + 3
    drawn = numbers(draw(made))
    muted = {each.key for each in hold.records}
    assert 5 in drawn
    assert all("ab"[number % 2 == 0] not in muted for number in drawn if number != 5)
    made.release(hold)
    assert {shard.id for shard, _, _ in made.by_shard()} == {"left", "right"}


def test_by_shard_counts_muted_records_too():
    made = KeyQueues(keyless=False, exact=False)
    made.reroute(lambda _key: LEFT)
    made.append([record(1, "a")])
    draw(made)
    made.append([record(2, "a")])
    assert made.by_shard() == [(LEFT, 1, 11)]
    assert made.count_ready(0.0) == (0, 0)


def test_shards_take_turns():
    made = KeyQueues(keyless=False, exact=False)
    made.reroute(lambda key: LEFT if key == "a" else RIGHT)
    made.append([record(1, "a"), record(2, "b")])
    firsts = [made.ready(0.0)[0].shard for _ in range(2)]
    assert set(firsts) == {LEFT, RIGHT}


def test_shard_that_must_wait_is_not_ready():
    made = KeyQueues(keyless=False, exact=False)
    made.reroute(lambda _key: LEFT)
    made.append([record(1, "a")])
    made.ready(0.0)[0].not_before = 3.0
    assert made.ready(2.9) == []
    assert made.next_due() == 3.0
    assert len(made.ready(3.0)) == 1


def test_exact_queue_is_forgotten_once_settled():
    made = queues(record(1, "a"), exact=True)
    (hold,) = draw(made)
    made.release(hold)
    assert made._routes == {}
    assert all(not shard_queue.key_queues for shard_queue in made._shard_queues.values())


def test_shared_queues_are_bounded():
    made = queues(*[record(n, f"key {n}") for n in range(5000)])
    (shard_queue,) = made.ready(0.0)
    assert len(shard_queue.key_queues) == LANES


@pytest.mark.parametrize("exact", [True, False])
def test_next_due_of_muted_records_depends_on_an_answer(exact):
    made = queues(record(1, "a"), exact=exact)
    assert made.next_due() == NOW
    draw(made)
    made.append([record(2, "a")])
    assert made.next_due() is None


@pytest.mark.parametrize(("exact", "keyless"), [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("seed", range(10))
def test_count_ready_after_any_changes_counts_the_ready_queues(exact, keyless, seed):
    chance, made, holds, number = Random(seed), KeyQueues(keyless=keyless, exact=exact), [], 1
    for _ in range(60):
        step = chance.randrange(6)
        if step <= 1:
            count = chance.randrange(1, 6)
            made.append([record(number + n, f"k{chance.randrange(8)}", chance.randrange(30)) for n in range(count)])
            number += count
        elif step == 2:
            holds += draw(made, chance.randrange(1, 6), chance.randrange(1, 90), chance.randrange(1, 4))
        elif step == 3 and holds:
            hold = holds.pop(chance.randrange(len(holds)))
            made.reenqueue(hold.records[: chance.randrange(3)], chance.choice([NOW, 5.0]))
            made.release(hold)
        elif step == 4 and holds and (hold := chance.choice(holds)).records:
            made.return_unsent(hold, hold.records[chance.randrange(len(hold.records)) :])
        elif step == 5 and chance.random() < 0.3:
            shards = chance.choice([None, lambda key: LEFT if key < "k4" else RIGHT])
            made.reroute(shards)
        ready = [queue for shard_queue in made.ready(chance.choice([0.0, 9.0])) for queue in shard_queue.ready]
        records = [each for queue in ready for each in queue.records]
        assert made.count_ready(9.0) == (len(records), sum(len(each.data) + len(each.key) for each in records))
