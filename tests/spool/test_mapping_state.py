import tracemalloc

import orjson
import pytest

from bridge.model import SAMPLE_ROWS
from bridge.spool import store
from bridge.spool.database.transaction import Transaction
from bridge.spool.mapping_state import ROW_BYTES, MappingState, StateBudget
from tests.spool.builders import opened

MIB = 1 << 20


def rows(state):
    return [key for key, _ in state.items()]


def filled(state, count, size=100):
    for number in range(count):
        state.put(f"key {number:05}", bytes(size))


def test_small_key_takes_at_most_300_bytes_of_memory():
    state, count = MappingState("m", {}), 20_000
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(count):
        state.put(f"changes plant/machine/{number}", orjson.dumps([number / 7, 1_700_000_000_000 + number]))
    state.clear_changed()
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert taken / count <= 300
    assert 0.7 < state.bytes / taken < 1.5


def test_state_beyond_its_bound_evicts_the_keys_written_longest_ago():
    budget = StateBudget(100 * (100 + 9 + ROW_BYTES))
    state = MappingState("m", {}, budget)
    filled(state, 100)
    state.put("key 00000", b"written again" * 8)
    state.put("new", bytes(100))
    assert budget.used <= budget.max_bytes
    assert rows(state)[0] == f"key {state.evicted + 1:05}"
    assert rows(state)[-2:] == ["key 00000", "new"]
    assert state.evicted == 101 - len(state)


def test_bound_holds_for_any_traffic_and_the_largest_state_gives_room():
    budget = StateBudget(50_000)
    small, large = MappingState("small", {}, budget), MappingState("large", {}, budget)
    filled(small, 20)
    filled(large, 10_000)
    assert budget.used == small.bytes + large.bytes <= budget.max_bytes
    assert (len(small), small.evicted) == (20, 0)
    assert large.evicted == 10_000 - len(large)


def test_value_larger_than_the_bound_is_evicted():
    state = MappingState("m", {}, StateBudget(10_000))
    state.put("large", bytes(20_000))
    assert (len(state), state.evicted, state.bytes) == (0, 1, 0)


def test_rows_with_records_are_not_evicted_and_the_state_is_crowded():
    budget = StateBudget(10_000)
    state, other = MappingState("m", {}, budget), MappingState("n", {}, budget)
    filled(other, 5)
    for number in range(50):
        state.put(f"{SAMPLE_ROWS}{number}", bytes(100))
    assert (len(state), len(other)) == (50, 0)
    assert (state.crowded, other.crowded) == (True, False)
    for key in rows(state)[:30]:
        state.evict(key)
    assert not state.crowded


def test_bytes_follow_every_change():
    state = MappingState("m", {"a": b"1"})
    for change in (lambda: state.put("b", bytes(9)), lambda: state.put("b", b""), lambda: state.forget("a")):
        change()
        expected = sum(len(key) + len(value) + ROW_BYTES for key, value in state.items())
        assert state.bytes == state.evictable_bytes == expected
    state.clear()
    assert (state.bytes, len(state)) == (0, 0)


def test_order_and_size_are_the_same_after_a_restart(tmp_path):
    spool = opened(tmp_path)
    state = spool.state("m")
    filled(state, 30)
    spool.commit(Transaction())
    for number in (7, 3, 29):
        state.put(f"key {number:05}", b"written again")
    state.forget("key 00011")
    spool.commit(Transaction())
    before = rows(state), state.bytes
    spool.close()
    again = opened(tmp_path)
    assert (rows(again.state("m")), again.state("m").bytes) == before
    assert before[0][-3:] == ["key 00007", "key 00003", "key 00029"]
    again.close()


@pytest.mark.parametrize("restarted", [False, True])
def test_states_never_fill_the_spool(tmp_path, restarted):
    spool = opened(tmp_path, max_bytes=16 * MIB)
    for first in range(0, 100_000, 10_000):
        for number in range(first, first + 10_000):
            spool.state(f"m{number % 3}").put(f"changes machine/{number}", bytes(200))
        spool.commit(Transaction())
    if restarted:
        spool.close()
        spool = opened(tmp_path, max_bytes=16 * MIB)
    assert sum(usage.bytes for usage in spool.states.usage()) <= 4 * MIB
    spool.queue("press").append(spool.mapping_number("m"), "k", bytes(1000))
    spool.commit(Transaction())
    assert len(spool.queue("press").take_batch(10, MIB)) == 1
    spool.close()


def test_states_of_a_large_spool_have_a_limit_of_their_own(tmp_path, monkeypatch):
    row = 100 + len("key 00000") + ROW_BYTES
    monkeypatch.setattr(store, "MAX_STATE_BYTES", 50 * row)
    spool = opened(tmp_path)
    state = spool.state("m")
    filled(state, 50)
    assert (len(state), state.evicted) == (50, 0)
    filled(state, 51)
    assert state.evicted == 51 - len(state) > 0
    spool.close()
