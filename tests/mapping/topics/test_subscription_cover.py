import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.mapping.topics.pattern import mismatch
from bridge.mapping.topics.subscription_cover import covering_filters
from tests.harness.line_counter import lines_run
from tests.mapping.topics.strategies import filters


def every_topic():
    """Return topics of one to four levels; of five, those that end alike.

    No filter here distinguishes what follows three levels, except by the number of levels.
    """
    levels = ["a", "b", "z", "", "$x"]
    topics = [list(topic) for count in range(1, 5) for topic in itertools.product(levels, repeat=count) if any(topic)]
    return topics + [[*topic, "z", "z"] for topic in itertools.product(levels, repeat=3)]


EVERY_TOPIC = every_topic()


def matching(filters_, topic_levels):
    """The QoS of those, each given as its levels and QoS, that match."""
    return [qos for levels, qos in filters_ if mismatch(levels, topic_levels) is None]


@pytest.mark.parametrize(
    ("filters", "cover"),
    [
        ([], {}),
        ([("a/b", 0), ("a/c", 1)], {"a/b": 0, "a/c": 1}),
        ([("a/b", 0), ("a/b", 2)], {"a/b": 2}),
        ([("a/b", 2), ("a/+", 0)], {"a/+": 2}),
        ([("a/#", 1), ("a", 0), ("a/b/c", 0)], {"a/#": 1}),
        ([("a/+", 1), ("+/b", 0)], {"+/+": 1}),
        ([("a/+", 1), ("+/b", 0), ("x/y", 2)], {"+/+": 2}),
        ([("a/+/c", 1), ("a/b/#", 0)], {"a/+/#": 1}),
        ([("a/b/#", 0), ("a/+", 0)], {"a/+/#": 0}),
        ([("+", 0), ("+/+", 0)], {"+": 0, "+/+": 0}),
        ([("#", 0), ("$SYS/#", 1)], {"#": 0, "$SYS/#": 1}),
        ([("+/x", 0), ("$SYS/x", 1)], {"$SYS/x": 1, "+/x": 0}),
        ([("$SYS/+/a", 0), ("$SYS/b/+", 1)], {"$SYS/+/+": 1}),
        ([("#", 0), ("+/b", 1), ("c", 0)], {"#": 1}),
    ],
)
def test_overlapping_filters_become_one(filters, cover):
    assert covering_filters(filters) == cover


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(filters(), st.integers(0, 2)), max_size=6))
def test_cover_receives_each_topic_once_with_the_requested_qos(wanted):
    asking = [(text.split("/"), qos) for text, qos in wanted]
    cover = [(text.split("/"), qos) for text, qos in covering_filters(wanted).items()]
    for levels in EVERY_TOPIC:
        asked, given = matching(asking, levels), matching(cover, levels)
        assert len(given) <= 1
        assert not asked or given[0] >= max(asked)


@given(
    st.lists(st.tuples(filters(), st.integers(0, 2)), max_size=6).flatmap(
        lambda x: st.tuples(st.just(x), st.permutations(x))
    )
)
def test_order_of_the_filters_does_not_matter(pair):
    wanted, shuffled = pair
    assert covering_filters(wanted) == covering_filters(shuffled)


def test_effort_grows_linearly_with_the_number_of_filters():
    def effort(count):
        wanted = [(f"f/site{i}/+/m{i}/t", 1) for i in range(count)] + [(f"f/+/line{i}/m{i}/t", 1) for i in range(count)]
        cover = {}
        spent = lines_run(lambda: cover.update(covering_filters(wanted)))
        assert len(cover) == count
        assert cover["f/+/+/m7/t"] == 1
        return spent

    assert effort(1000) < 12 * effort(100)
