"""Sample of the topics while a page is open."""

import pytest

from bridge.mqtt.packet_stream import PUBREL
from bridge.web import topic_sample
from bridge.web.events import MessageFilter, MessageTap
from bridge.web.topic_sample import TopicSample
from tests.web.bridges import publish

TOPIC = "factory/pdx/press07/telemetry"


@pytest.fixture
def sample():
    made = TopicSample()
    made.restart()
    return made


def shares(sample, count=9):
    return {each.topic: round(each.share, 2) for each in sample.busiest(count)}


def payloads(found):
    return [message[4] for message, _ in found]


def test_busiest_topics_have_their_share_of_the_messages(sample):
    sample.offer([publish("a", b"")] * 3 + [publish("b", b"")] + [(PUBREL, b"", b"\0\1", b"", b"", 0)], 5)
    assert shares(sample) == {"a": 0.75, "b": 0.25}
    assert sample.busiest(1)[0].last_ms == 5


def test_large_burst_is_sampled_and_counts_in_full(sample):
    sample.offer([publish("a", b"")] * 5_000, 5)
    sample.offer([publish("b", b"")] * 100, 6)
    assert shares(sample) == {"a": 0.98, "b": 0.02}
    assert len(sample.recent(lambda _: True, 99)) == 2 * topic_sample.KEPT_PER_TOPIC


def test_sample_forgets_the_topics_with_the_fewest_messages(sample, monkeypatch):
    monkeypatch.setattr(topic_sample, "MAX_TOPICS", 4)
    sample.offer([publish(name, b"") for name in "aabbcdefg"], 5)
    assert {"a", "b", "g"} <= shares(sample).keys()
    assert len(shares(sample)) <= 4


def test_recent_messages_are_the_newest_that_match_oldest_first(sample):
    for at_ms in range(10):
        sample.offer([publish(TOPIC, b"%d" % at_ms), publish("other", b"x")], at_ms)
    assert payloads(sample.recent(lambda each: each[1] == TOPIC.encode(), 2)) == [b"8", b"9"]
    assert len(sample.recent(lambda each: each[1] == TOPIC.encode(), 9)) == topic_sample.KEPT_PER_TOPIC


def test_messages_that_are_too_large_are_counted_and_not_kept(sample):
    sample.offer([publish(TOPIC, b"x" * (topic_sample.KEPT_BYTES + 1))], 5)
    sample.offer([publish("t" * (topic_sample.MAX_TOPIC_BYTES + 1), b"")], 5)
    assert shares(sample) == {TOPIC: 1.0}
    assert sample.recent(lambda _: True, 9) == []


def test_restart_counts_again_and_keeps_the_messages(sample):
    sample.offer([publish("a", b"1")], 5)
    sample.restart()
    assert shares(sample) == {}
    assert payloads(sample.recent(lambda _: True, 9)) == [b"1"]


def test_new_listener_gets_what_arrived_while_a_page_was_open(bridge):
    tap = MessageTap(bridge)
    with tap.sampling():
        bridge.tap([publish(TOPIC, b'{"t": 5}'), publish("elsewhere", b"")])
        [found] = tap.recent(MessageFilter(mapping="press"))
        assert found["mappings"][0]["records"][0]["data"]["text"] == '{"machine":"press07","t":5}'
        assert [each["topic"] for each in tap.recent(MessageFilter(outcome="no-mapping"))] == ["elsewhere"]
        with tap.listening(MessageFilter()):
            pass
        assert bridge.tap is not None
    assert bridge.tap is None
