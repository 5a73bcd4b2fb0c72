import pytest
from hypothesis import given

from bridge.mapping.router import Router
from bridge.mapping.topics.pattern import TopicError, TopicPattern
from tests.fuzz.mutation import nearly
from tests.mapping.builders import mapping

PATTERNS = [b"factory/{site}/+/{machine}/telemetry", b"{all...}", b"a/{b}/#", b"$SYS/+", "größe/{x}".encode()]
ROUTES = Router([mapping(name=str(number), topic=text.decode()) for number, text in enumerate(PATTERNS)])


@given(nearly(*PATTERNS))
def test_topic_that_is_nearly_valid_is_read_or_refused_with_a_reason(data):
    text = data.decode(errors="surrogateescape")
    try:
        pattern = TopicPattern.parse(text)
    except TopicError as error:
        assert str(error)  # noqa: PT017 - either is right
    else:
        assert pattern.filter.count("/") == text.count("/")
        assert pattern.filter.encode()


@given(nearly(*PATTERNS, b"factory/pdx/line3/press07/telemetry", b"\xff/\x00"))
def test_topic_from_a_broker_finds_its_mappings_or_none(topic):
    match = ROUTES.match(topic)
    if match.valid:
        assert match.topic.encode() == topic
    else:
        assert match.targets == ()


@pytest.mark.parametrize("topic", [b"/" * 65_535, b"a/" * 32_767 + b"a", b"\xf0\x9f\x98\x80" * 16_383])
def test_longest_topics_are_matched(topic):
    assert {mapping.name for mapping, _ in ROUTES.match(topic).targets} >= {"1"}
