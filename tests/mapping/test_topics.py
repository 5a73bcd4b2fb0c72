import itertools
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.mapping.topics import TopicError, TopicPattern, check_topic_name, covering, mismatch

LEVELS = st.sampled_from(["a", "b", "", "$x"])
TOPICS = st.lists(LEVELS, min_size=1, max_size=4).map("/".join).filter(bool)


@st.composite
def filters(draw):
    levels = draw(st.lists(st.one_of(LEVELS, st.just("+")), min_size=0, max_size=3))
    if not levels or draw(st.booleans()):
        levels = [*levels, draw(st.sampled_from(["#", "+", "a"]))]
    return "/".join(levels) or "a"


def every_topic():
    return ["/".join(t) for n in range(1, 6) for t in itertools.product(["a", "b", "z", "", "$x"], repeat=n) if any(t)]


EVERY_TOPIC = [topic.split("/") for topic in every_topic()]


def matches(text, topic_levels):
    return mismatch(text.split("/"), topic_levels) is None


@pytest.mark.parametrize(
    ("pattern", "topic", "captures"),
    [
        ("factory/{site}/{machine}/t", "factory/pdx/press1/t", {"site": "pdx", "machine": "press1"}),
        ("factory/{site}/{rest...}", "factory/pdx/a/b/c", {"site": "pdx", "rest": "a/b/c"}),
        ("factory/{rest...}", "factory/a", {"rest": "a"}),
        ("factory/{rest...}", "factory", {"rest": ""}),
        ("factory/{rest...}", "factory/", {"rest": ""}),
        ("{all...}", "a/b", {"all": "a/b"}),
        ("a/+/c", "a/b/c", {}),
        ("a/#", "a/b/c", {}),
        ("a/+", "a/", {}),
        ("+/+", "/a", {}),
        ("/+", "/a", {}),
        ("$SYS/{what...}", "$SYS/broker/load", {"what": "broker/load"}),
        ("a/{b}", "a/$x", {"b": "$x"}),
        ("maße/{g}", "maße/ü", {"g": "ü"}),
    ],
)
def test_a_pattern_captures_the_levels_of_a_topic(pattern, topic, captures):
    assert TopicPattern.parse(pattern).match(topic) == captures


@pytest.mark.parametrize(
    ("pattern", "topic"),
    [
        ("a/b", "a/c"),
        ("a/b", "a"),
        ("a/b", "a/b/c"),
        ("a/+", "a"),
        ("a/+", "a/b/c"),
        ("a/#", "b"),
        ("a/+/#", "a"),
        ("+", "/a"),
        ("a", "A"),
        ("#", "$SYS/broker"),
        ("+/broker", "$SYS/broker"),
        ("{x}/broker", "$SYS/broker"),
        ("{x...}", "$SYS"),
    ],
)
def test_a_pattern_does_not_match(pattern, topic):
    assert TopicPattern.parse(pattern).match(topic) is None


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [("a/{x}/{y...}", "a/+/#"), ("a/+/b", "a/+/b"), ("{x...}", "#"), ("/a/", "/a/")],
)
def test_the_filter_is_what_mqtt_understands(pattern, wanted):
    assert TopicPattern.parse(pattern).filter == wanted


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("", "is empty"),
        ("a/\0", "U\\+0000"),
        ("a/\ud800", "surrogate"),
        ("ä" * 32_768, "65536 bytes long; MQTT allows 65535"),
        ("a/b+", "'b\\+' mixes a wildcard with text"),
        ("a/b#", "'b#' mixes a wildcard with text"),
        ("a/#/b", "'#' takes all levels that are left"),
        ("a/{r...}/b", "'{r...}' takes all levels that are left"),
        ("{x}/{x}", "captures 'x' twice"),
        ("{x}/{x...}", "captures 'x' twice"),
        ("a/x{b}", "'x{b}' is not a capture"),
        ("a/{}", "'{}' is not a capture"),
        ("a/{1b}", "'{1b}' is not a capture"),
        ("a/{b-c}", "'{b-c}' is not a capture"),
        ("a/{b}\n", "is not a capture"),
        ("a/{b..}", "is not a capture"),
        ("a/{b", "'{b' is not a capture"),
        ("$share/group/a", "mqtt.share"),
    ],
)
def test_what_is_wrong_with_a_pattern_is_said(pattern, message):
    with pytest.raises(TopicError, match=message):
        TopicPattern.parse(pattern)


def test_the_longest_topic_is_allowed():
    assert TopicPattern.parse("a" * 65_535).filter == "a" * 65_535


def test_a_message_is_not_published_to_a_wildcard():
    check_topic_name("a/b")
    with pytest.raises(TopicError, match="no wildcards"):
        check_topic_name("a/+")


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
    assert covering(filters) == cover


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(filters(), st.integers(0, 2)), max_size=6))
def test_every_topic_is_received_once_and_with_the_qos_asked_for(wanted):
    cover = covering(wanted)
    for levels in EVERY_TOPIC:
        asked = [qos for text, qos in wanted if matches(text, levels)]
        given = [qos for text, qos in cover.items() if matches(text, levels)]
        assert len(given) <= 1
        assert not asked or given[0] >= max(asked)


@given(
    st.lists(st.tuples(filters(), st.integers(0, 2)), max_size=6).flatmap(
        lambda x: st.tuples(st.just(x), st.permutations(x))
    )
)
def test_the_order_of_the_filters_does_not_matter(pair):
    wanted, shuffled = pair
    assert covering(wanted) == covering(shuffled)


@given(filters(), TOPICS)
def test_match_agrees_with_a_regular_expression(text, topic):
    pattern = re.escape(text).replace(r"/\#", "(/.*)?").replace(r"\#", ".*").replace(r"\+", "[^/]*")
    private = topic.startswith("$") and text[0] in "+#"
    assert (TopicPattern.parse(text).match(topic) is not None) == (bool(re.fullmatch(pattern, topic)) and not private)


def test_two_thousand_filters_with_wildcards_are_covered_quickly():
    wanted = [(f"f/site{i}/+/m{i}/t", 1) for i in range(1000)] + [(f"f/+/line{i}/m{i}/t", 1) for i in range(1000)]
    started = time.perf_counter()
    cover = covering(wanted)
    assert len(cover) == 1000
    assert cover["f/+/+/m7/t"] == 1
    assert time.perf_counter() - started < 1
