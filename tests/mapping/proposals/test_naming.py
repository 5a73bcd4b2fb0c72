import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.proposals.naming import SIGNAL, capture_names, free_name, mapping_name
from bridge.mapping.proposals.topic_clusters import TopicCluster

LEVELS = st.sampled_from(["line1", "line-2", "press07", "lines", "sites", "a", "X", "", "7", "{x}", "größe"])
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def cluster(pattern, *topics):
    """Return a cluster; + marks a capture."""
    return TopicCluster(
        tuple(tuple(topic.split("/")) for topic in topics), tuple(each == "+" for each in pattern.split("/"))
    )


def names(pattern, *topics, scalar=False):
    return list(capture_names(cluster(pattern, *topics), scalar=scalar).values())


@given(st.lists(st.tuples(LEVELS, LEVELS, st.booleans()), min_size=1, max_size=9), st.booleans())
def test_capture_names_are_unique_for_any_cluster(levels, scalar):
    topics = tuple(dict.fromkeys(zip(*((one, other) for one, other, _ in levels), strict=True)))
    shape = TopicCluster(topics, tuple(free for _, _, free in levels))
    found = capture_names(shape, scalar=scalar)
    assert list(found) == [at for at, free in enumerate(shape.captured) if free]
    assert len(set(found.values())) == len(found)
    assert all(NAME.fullmatch(name) for name in found.values())


@pytest.mark.parametrize(
    ("pattern", "topics", "expected"),
    [
        ("f/+/t", ["f/line3/t", "f/line4/t"], ["line"]),
        ("f/+/t", ["f/Line-3/t", "f/line_4/t"], ["line"]),
        ("lines/+/t", ["lines/a/t", "lines/b/t"], ["line"]),
        ("line/+/t", ["line/a/t"], ["line"]),
        ("f/+/t", ["f/v2/t", "f/v3/t"], ["machine"]),
        ("+/+/t", ["pdx/a/t", "muc/b/t"], ["site", "machine"]),
        ("+/+/+/t", ["pdx/a/x/t", "muc/b/y/t"], ["site", "line", "machine"]),
        ("+/+/t", ["pdx/line1/t", "muc/line2/t"], ["site", "line"]),
        ("+/+/+/t", ["pdx/line1/a/t", "muc/line2/b/t"], ["site", "line", "machine"]),
        ("+/+/t", ["line1/line2/t", "line3/line4/t"], ["line", "line_2"]),
        ("+/+/+/+/+/+", ["a/b/c/d/e/f"], ["level1", "enterprise", "site", "area", "line", "machine"]),
        ("+/+/+/+/+", ["a/b/c/d/line1", "a/b/c/d/line2"], ["level1", "enterprise", "site", "area", "line"]),
        ("f/t", ["f/t"], []),
    ],
)
def test_capture_names_come_from_values_or_the_position(pattern, topics, expected):
    assert names(pattern, *topics) == expected


@pytest.mark.parametrize(
    ("topics", "scalar", "name"),
    [
        (["f/temp", "f/pressure"], True, SIGNAL),
        (["f/temp", "f/pressure"], False, "machine"),
        (["f/temp1", "f/pressure"], True, "machine"),
        (["f/line1", "f/line2"], True, "line"),
    ],
)
def test_capture_of_words_at_the_end_is_a_signal_if_scalar(topics, scalar, name):
    assert names("f/+", *topics, scalar=scalar) == [name]


@pytest.mark.parametrize(
    ("wanted", "taken", "name"),
    [
        ("Factory/PDX", (), "factory-pdx"),
        ("a", ("a", "a-2"), "a-3"),
        ("", (), "messages"),
        ("---", ("messages",), "messages-2"),
        ("größe °C", (), "gr-e-c"),
        ("İ", (), "i"),
        ("x" * 99, (), "x" * 60),
        ("../../etc", (), "etc"),
    ],
)
def test_free_name_is_valid_and_not_taken(wanted, taken, name):
    assert free_name(wanted, taken) == name


def test_mapping_name_consists_of_the_constant_levels():
    shape = cluster("Factory/+/Telemetry", "Factory/pdx/Telemetry")
    assert mapping_name(shape, ()) == "factory-telemetry"
    assert mapping_name(shape, {"factory-telemetry"}) == "factory-telemetry-2"
    assert mapping_name(cluster("+", "a"), ()) == "messages"
