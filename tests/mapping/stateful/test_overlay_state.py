from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.stateful.overlay_state import OverlayState

KEYS = st.sampled_from("abc")
STEPS = st.lists(st.tuples(KEYS, st.none() | st.binary(max_size=2)), max_size=10)


def change(store, key, value):
    if value is None:
        store.forget(key)
    else:
        store.put(key, value)


def filled(steps, beneath=None):
    store = OverlayState(beneath)
    for step in steps:
        change(store, *step)
    return store


@given(STEPS, STEPS)
def test_overlay_equals_one_store_with_all_changes(before, after):
    beneath = filled(before)
    unchanged = list(beneath.items())
    overlay, single = filled(after, beneath), filled([*before, *after])
    assert list(overlay.items()) == list(single.items())
    assert len(overlay) == len(single)
    assert [overlay.get(key) for key in "abc"] == [single.get(key) for key in "abc"]
    assert list(beneath.items()) == unchanged


def test_overlay_lists_its_keys_in_the_order_of_the_last_put():
    overlay = filled([("b", b"3"), ("d", b"4")], filled([("a", b"1"), ("b", b"2"), ("c", b"2")]))
    overlay.put("a", b"5")
    assert list(overlay.items()) == [("c", b"2"), ("b", b"3"), ("d", b"4"), ("a", b"5")]


def test_overlay_hides_a_key_that_was_deleted():
    overlay = OverlayState(filled([("a", b"1")]))
    overlay.forget("a")
    overlay.forget("missing")
    assert (overlay.get("a"), list(overlay.items()), len(overlay)) == (None, [], 0)


def test_overlay_reads_later_changes_beneath_it():
    beneath = OverlayState()
    overlay = OverlayState(beneath)
    beneath.put("a", b"1")
    assert overlay.get("a") == b"1"


def test_overlay_distinguishes_an_empty_value_from_none():
    overlay = filled([("a", b"")], filled([("a", b"1")]))
    assert (overlay.get("a"), len(overlay)) == (b"", 1)


def test_overlay_is_never_crowded_and_evicts_on_request():
    overlay = filled([("a", b"1")])
    overlay.evict("a")
    assert (overlay.crowded, overlay.get("a")) == (False, None)
