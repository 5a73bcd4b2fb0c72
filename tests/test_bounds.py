"""Each bound of docs/reference/limits.md that a message or a mapping can reach holds for any input (properties)."""

import gc
import tracemalloc

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bridge.errors import DecodeError
from bridge.mapping import router
from bridge.mapping.pipeline import record_builder
from bridge.mapping.router import Router
from bridge.model import SAMPLE_ROWS
from bridge.payloads import DECODERS, json_values
from bridge.spool.mapping_state import ROW_BYTES, MappingState, StateBudget
from tests.mapping.builders import applied, mapping, message

MAX_STATE = 5_000
VALUES = st.recursive(
    st.none() | st.integers(0, 9) | st.text(',[{"\\ ', max_size=4),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=2), inner, max_size=6),
    max_leaves=40,
)


def values_in(value):
    """Return the number of values, as a list or an object counts its items and itself."""
    items = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    return 1 + sum(map(values_in, items))


class StatesUnderTraffic(RuleBasedStateMachine):
    """Three states of one budget, and what they should contain."""

    def __init__(self):
        super().__init__()
        self.budget = StateBudget(MAX_STATE)
        self.states = [MappingState(name, {}, self.budget) for name in "abc"]

    @rule(place=st.integers(0, 2), key=st.integers(0, 60), size=st.integers(0, 6_000))
    def put(self, place, key, size):
        self.states[place].put(f"k{key}", bytes(size))

    @rule(place=st.integers(0, 2), key=st.integers(0, 60))
    def forget(self, place, key):
        self.states[place].forget(f"k{key}")

    @rule(place=st.integers(0, 2), key=st.integers(0, 9), size=st.integers(0, 900))
    def hold_records(self, place, key, size):
        """Hold records, and send those of the oldest rows early, as a sampler does."""
        state = self.states[place]
        state.put(f"{SAMPLE_ROWS}{key}", bytes(size))
        while state.crowded:
            state.evict(next(each for each, _ in state.items() if each.startswith(SAMPLE_ROWS)))

    @invariant()
    def sizes_are_those_of_the_rows(self):
        for state in self.states:
            assert state.bytes == sum(len(key) + len(value) + ROW_BYTES for key, value in state.items())
        assert self.budget.used == sum(state.bytes for state in self.states)

    @invariant()
    def the_bound_holds_but_for_rows_with_records(self):
        held = sum(state.bytes - state.evictable_bytes for state in self.states)
        assert self.budget.used <= max(MAX_STATE, held)


TestStatesUnderTraffic = StatesUnderTraffic.TestCase
TestStatesUnderTraffic.settings = settings(deadline=None, max_examples=30)


@settings(deadline=None)
@given(VALUES, st.integers(1, 60))
def test_json_has_values_up_to_its_bound_and_fewer_are_never_rejected(value, limit):
    payload = orjson.dumps(value)
    with pytest.MonkeyPatch.context() as patched:
        for module in (json_values, __import__("bridge.payloads.json", fromlist=["json"])):
            patched.setattr(module, "MAX_VALUES", limit)
        try:
            decoded = DECODERS["json"].decode(payload)
        except DecodeError:
            # A list or an object that has items counts as two of the separators at most.
            assert 2 * values_in(value) > limit
        else:
            assert decoded == value
            assert values_in(value) <= 2 * limit + 1


@settings(deadline=None)
@given(st.integers(0, 40), st.integers(1, 20))
def test_option_each_gives_records_up_to_its_bound_or_one_rejection(items, limit):
    made = mapping(transform="payload", each=True)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(record_builder, "MAX_EACH_ITEMS", limit)
        result = applied(made, message([1] * items))
    assert len(result.drafts) == (items if items <= limit else 0)
    assert len(result.rejections) == (items > limit)


@pytest.mark.parametrize(
    "topic",
    [
        lambda number: f"f/{number:06}".encode(),
        lambda number: b"f/" + b"/".join(b"%d" % (number * 1000 + level) for level in range(100)),
        lambda number: b"f/" + f"{number:06}".encode() * 100,
        lambda number: b"f/" + f"{number}ä🜁/".encode() * 40,
        lambda number: b"f/" + b"%06d/" % number * 2_000,
    ],
    ids=["usual", "many levels", "long", "not ASCII", "14 KB"],
)
def test_topic_cache_takes_at_most_twice_its_bound(monkeypatch, topic):
    monkeypatch.setattr(router, "MAX_CACHED_BYTES", 1 << 18)
    made = Router([mapping(topic="f/#")])
    gc.collect()
    tracemalloc.start()
    for number in range(400):
        made.match(topic(number))
    gc.collect()
    # What threads of other tests in this process allocate meanwhile does not count.
    own = [tracemalloc.Filter(True, file) for file in ("*/bridge/mapping/*", __file__)]
    taken = sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces(own).traces)
    tracemalloc.stop()
    assert (0 if len(topic(0)) > 10_000 else 10_000) < taken <= 2 << 18
