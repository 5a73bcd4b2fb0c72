import pytest
from hypothesis import given, settings

from bridge.mapping.topics.pattern import mismatch
from bridge.mqtt.topic_filters import has_wildcard, is_shared, overlap, subscription_identifier, without_group
from tests.mapping.topics.strategies import filters
from tests.mapping.topics.test_subscription_cover import EVERY_TOPIC


@settings(max_examples=200, deadline=None)
@given(filters(), filters())
def test_overlap_is_true_exactly_where_a_topic_matches_both(one, other):
    topics = [*EVERY_TOPIC, *([""] * count for count in range(1, 5))]
    common = any(
        mismatch(one.split("/"), topic) is None and mismatch(other.split("/"), topic) is None for topic in topics
    )
    assert overlap(one, other) == common == overlap(f"$share/g/{other}", one)


@pytest.mark.parametrize(
    ("text", "plain"), [("a/#", "a/#"), ("$share/g/a/#", "a/#"), ("$share/g//x", "/x"), ("$SYS/x", "$SYS/x")]
)
def test_group_is_not_part_of_the_filter(text, plain):
    assert without_group(text) == plain
    assert is_shared(text) == (text != plain)
    assert has_wildcard(text) == ("#" in plain)


def test_identifiers_are_the_same_in_each_run_and_within_the_bounds():
    assert subscription_identifier("plant/+/t") == subscription_identifier("$share/hall/plant/+/t") == 197_039_835
    assert all(1 <= subscription_identifier(f"a/{number}") <= 268_435_455 for number in range(1000))
