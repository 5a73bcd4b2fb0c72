from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.proposals.topic_clusters import MAX_LEVELS, TopicCluster, topic_clusters, unmatchable_reason

LEVELS = st.sampled_from(["a", "b", "line1", "line2", "", "$SYS", "{x}", "x}", "7", "0123456789ab"])
TOPICS = st.dictionaries(st.lists(LEVELS, min_size=1, max_size=4).map(tuple), st.sampled_from("jt"), max_size=12)


def patterns(*topics, kind="json"):
    """Return the pattern of each cluster, with + for a capture."""
    found = topic_clusters({tuple(topic.split("/")): kind for topic in topics})
    return sorted(
        "/".join("+" if free else level for level, free in zip(each.topics[0], each.captured, strict=True))
        for each in found
    )


@given(TOPICS)
def test_clusters_match_their_own_topics_and_no_others(topics):
    found = list(topic_clusters(topics))
    assert sorted(topic for cluster in found for topic in cluster.topics) == sorted(topics)
    for cluster in found:
        assert len({topics[topic] for topic in cluster.topics}) == 1
        assert {topic for topic in topics if cluster.matches(topic)} == set(cluster.topics)


@pytest.mark.parametrize(
    ("topics", "expected"),
    [
        (["f/line3/t", "f/line4/t"], ["f/+/t"]),
        (["f/pdx/line1/t", "f/muc/line1/t"], ["f/+/+/t"]),
        (["hall/temp", "office/temp"], ["hall/temp", "office/temp"]),
        (["a/t", "b/t", "c/t", "d/t"], ["+/t"]),
        (["f/temp", "f/pressure"], ["f/+"]),
        (["f/line1/t", "f/line1/t/x"], ["f/+/t", "f/+/t/x"]),
        (["f/0123456789ab/t"], ["f/+/t"]),
        (["0123456789ab/t"], ["0123456789ab/t"]),
        (["f/{x}/t"], ["f/+/t"]),
        (["/t", "/u"], ["/+"]),
        ([], []),
    ],
)
def test_clusters_capture_the_levels_that_vary(topics, expected):
    assert patterns(*topics) == expected


def test_cluster_whose_pattern_matches_other_kinds_is_split():
    topics = {("f", f"line{line}", word): word for line, word in product("12", ("t", "state"))}
    found = list(topic_clusters(topics))
    assert {(each.topics[0][2], each.captured) for each in found} == {
        ("t", (False, True, False)),
        ("state", (False, True, False)),
    }


def test_cluster_with_braces_in_a_constant_level_is_not_writable():
    assert TopicCluster((("a", "{x}"),), (False, True)).writable
    assert not TopicCluster((("a", "{x}"),), (True, False)).writable
    assert not TopicCluster((("a", "x}"), ("a", "y")), (False, False)).writable


@pytest.mark.parametrize(
    ("topic", "result"), [("a/x", True), ("b/x", False), ("a", False), ("a/x/y", False), ("a/", True), ("$a/x", False)]
)
def test_cluster_matches_topics_like_its_pattern(topic, result):
    assert TopicCluster((("a", "q"),), (False, True)).matches(tuple(topic.split("/"))) is result


def test_cluster_that_captures_the_first_level_matches_no_system_topic():
    cluster = TopicCluster((("a", "t"),), (True, False))
    assert cluster.matches(("b", "t"))
    assert not cluster.matches(("$SYS", "t"))


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("a/{x}/b", ""),
        ("$SYS/a", ""),
        ("/", ""),
        ("$SYS{/a", "its first level holds { or }"),
        ("a/+", "wildcards"),
        ("$share/g/t", "share"),
        ("a\0", "U+0000"),
        ("/" * (MAX_LEVELS - 1), ""),
        ("/" * MAX_LEVELS, "it has more than 100 levels"),
        ("/" * 65_535, "it has more than 100 levels"),
    ],
)
def test_unmatchable_topic_has_a_reason(topic, reason):
    found = unmatchable_reason(topic)
    assert reason in found
    assert bool(found) is bool(reason)


def test_clusters_of_topics_with_the_most_levels_are_found():
    constant = "/".join(["a"] * (MAX_LEVELS - 2))
    assert patterns(*(f"{constant}/line{number}/t" for number in range(9))) == [f"{constant}/+/t"]
