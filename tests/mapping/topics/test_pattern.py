import re

import pytest
from hypothesis import given

from bridge.mapping.topics.pattern import TopicError, TopicPattern, check_topic_name, covers, mismatch, overlap
from tests.mapping.topics.strategies import TOPICS, filters


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
def test_pattern_captures_the_levels_of_a_topic(pattern, topic, captures):
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
def test_pattern_does_not_match(pattern, topic):
    assert TopicPattern.parse(pattern).match(topic) is None


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [("a/{x}/{y...}", "a/+/#"), ("a/+/b", "a/+/b"), ("{x...}", "#"), ("/a/", "/a/")],
)
def test_filter_is_what_mqtt_understands(pattern, wanted):
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
        ("a/#/b", "'#' matches all remaining levels"),
        ("a/{r...}/b", "'{r...}' matches all remaining levels"),
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
def test_invalid_pattern_is_an_error(pattern, message):
    with pytest.raises(TopicError, match=message):
        TopicPattern.parse(pattern)


def test_longest_topic_is_allowed():
    assert TopicPattern.parse("a" * 65_535).filter == "a" * 65_535


def test_message_is_not_published_to_a_wildcard():
    check_topic_name("a/b")
    with pytest.raises(TopicError, match="no wildcards"):
        check_topic_name("a/+")


@given(filters(), TOPICS)
def test_match_agrees_with_a_regular_expression(text, topic):
    pattern = re.escape(text).replace(r"/\#", "(/.*)?").replace(r"\#", ".*").replace(r"\+", "[^/]*")
    private = topic.startswith("$") and text[0] in "+#"
    assert (TopicPattern.parse(text).match(topic) is not None) == (bool(re.fullmatch(pattern, topic)) and not private)


@given(filters(), filters(), TOPICS)
def test_filters_that_match_one_topic_overlap_and_a_wider_one_covers(one, other, topic):
    one, other, levels = one.split("/"), other.split("/"), topic.split("/")
    both = [mismatch(each, levels) is None for each in (one, other)]
    assert overlap(one, other) == overlap(other, one)
    assert overlap(one, other) or not all(both)
    assert not covers(one, other) or both[0] or not both[1]
    assert not covers(one, other) or overlap(one, other)
    assert covers(one, one)


@pytest.mark.parametrize(
    ("wide", "narrow", "overlapping", "covering"),
    [
        ("a/#", "a", True, True),
        ("a", "a/#", True, False),
        ("a/+", "a/b", True, True),
        ("a/+", "a/#", True, False),
        ("+/b", "a/+", True, False),
        ("#", "$SYS/a", False, False),
        ("a/b/#", "a/c", False, False),
        ("a/b/#", "a", False, False),
        ("a/+/c", "a/b", False, False),
    ],
)
def test_overlap_and_cover_of_two_filters(wide, narrow, overlapping, covering):
    assert overlap(wide.split("/"), narrow.split("/")) is overlapping
    assert covers(wide.split("/"), narrow.split("/")) is covering


def test_topic_of_an_exception_does_not_match():
    pattern = TopicPattern.parse("z/{d...}", ("z/+/availability", "z/bridge/#"))
    assert pattern.match("z/lamp") == {"d": "lamp"}
    assert pattern.match("z/lamp/availability") is None
    assert pattern.exception(["z", "bridge"]) == "z/bridge/#"
    assert pattern.exception(["z", "lamp"]) is None
