"""Event streams of the page: the state, and a sample of the messages."""

import asyncio

import pytest

from bridge.mqtt.packet_stream import PUBREL
from bridge.web import events
from bridge.web.events import MessageFilter, MessageTap
from tests.web.bridges import publish

MARKUP = '<img src=x onerror="alert(1)">'
TOPIC = "factory/pdx/press07/telemetry"
OUTCOMES = {
    "records": publish(TOPIC, b'{"t": 1}'),
    "filtered": publish(TOPIC, b'{"t": 2, "status": "OFF"}'),
    "dead-letter": publish(TOPIC, b"{"),
    "no-mapping": publish("elsewhere", b"other"),
}


def listened(bridge, burst, **wanted):
    """Return the topics and payloads that a listener gets of a burst."""
    tail = MessageTap(bridge)
    with tail.listening(MessageFilter(**wanted)) as listener:
        bridge.tap(burst)
        return [each["payload"]["text"] for each in tail.take(listener)]


def test_tail_shows_messages_with_records_and_taps_only_then(bridge):
    tail = MessageTap(bridge)
    with tail.listening(MessageFilter()) as listener:
        bridge.tap([publish("factory/pdx/press07/telemetry", b'{"t": 5}'), publish(f"x/{MARKUP}", b"\xff")])
        first, second = tail.take(listener)
        assert first["mappings"][0]["records"][0]["data"]["text"] == '{"machine":"press07","t":5}'
        assert (second["topic"], second["payload"], second["mappings"]) == (
            f"x/{MARKUP}",
            {"base64": "/w==", "cut": False},
            [],
        )
        assert tail.take(listener) == []
    assert bridge.tap is None


def test_topic_that_is_rare_is_seen_by_a_listener_for_it(bridge):
    tail = MessageTap(bridge)
    burst = [publish(f"factory/pdx/press{number:04d}/telemetry", b"{}") for number in range(2_000)]
    burst[1_233] = (PUBREL, b"", b"\0\1", b"", b"", 0)
    burst[1_500] = publish("elsewhere/press1235", b"")
    with (
        tail.listening(MessageFilter(topic="press1234")) as one,
        tail.listening(MessageFilter(topic="235", mapping="press")) as other,
    ):
        bridge.tap(burst)
        assert [each["topic"] for each in tail.take(one)] == ["factory/pdx/press1234/telemetry"]
        assert [each["topic"] for each in tail.take(other)] == [
            "factory/pdx/press0235/telemetry",
            "factory/pdx/press1235/telemetry",
        ]
    with tail.listening(MessageFilter(mapping="none")) as listener:
        bridge.tap(burst)
        assert tail.take(listener) == []


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_messages_are_filtered_by_their_outcome(bridge, outcome):
    burst = [*OUTCOMES.values()] * 3
    assert listened(bridge, burst, outcome=outcome) == [OUTCOMES[outcome][4].decode()] * 3


def test_messages_of_one_outcome_are_at_most_those_of_any(bridge):
    assert len(listened(bridge, [OUTCOMES["records"]] * 500, outcome="records")) == events.TAIL_MESSAGES


def test_message_with_a_text_in_its_payload_is_seen_among_thousands(bridge):
    burst = [publish(TOPIC, b'{"t": %d}' % number) for number in range(2_000)]
    assert listened(bridge, burst, text='"t": 1234}') == ['{"t": 1234}']
    assert listened(bridge, burst, text="1234", mapping="none") == []


def test_search_in_payloads_ends_at_its_limit(bridge, monkeypatch):
    monkeypatch.setattr(events, "MAX_SEARCHED_BYTES", 25)
    burst = [publish(TOPIC, text) for text in (b"x" * 10, b"find", b"x" * 20, b"find me")]
    assert listened(bridge, burst, text="find") == ["find"]
    assert listened(bridge, burst, text="xxx") == ["x" * 10, "x" * 20]


def test_message_in_two_qos_2_packets_is_shown_once(bridge):
    burst = [publish(TOPIC, b"{}"), (PUBREL, b"", b"\0\1", b"", b"", 0)]
    assert listened(bridge, burst) == ["{}"]


def test_messages_of_a_burst_are_from_all_of_its_parts(bridge):
    found = listened(bridge, [publish(TOPIC, b"%d" % number) for number in range(1_000)])
    assert found == ["0", "250", "500", "750"]


def test_listener_that_is_slow_stores_only_the_newest_messages(bridge):
    tail = MessageTap(bridge)
    with tail.listening(MessageFilter()) as listener:
        for number in range(50):
            bridge.tap([publish(TOPIC, b"%d" % number)])
        taken = tail.take(listener)
    assert [each["payload"]["text"] for each in taken] == [str(n) for n in range(50 - events.TAIL_MESSAGES, 50)]


def test_tap_stays_set_until_the_last_page_and_listener_end(bridge):
    tail = MessageTap(bridge)
    with tail.sampling():
        with tail.listening(MessageFilter()), tail.sampling():
            pass
        assert bridge.tap is tail
    assert bridge.tap is None


def test_filter_of_a_text_that_is_not_utf8_finds_nothing(bridge):
    assert listened(bridge, [publish(TOPIC, b"\xed\xa0")], text="\ud800") == []


def test_state_of_many_listeners_is_created_once():
    created = []

    async def scene():
        broadcast = events.StateBroadcast(lambda: created.append(1) or {"n": len(created)})
        return await asyncio.gather(*(broadcast.event() for _ in range(5)))

    assert set(asyncio.run(scene())) == {b'event: state\ndata: {"n":1}\n\n'}


def test_state_that_fails_once_is_created_again():
    values = iter([ZeroDivisionError, {"n": 2}])

    def value():
        found = next(values)
        if found is ZeroDivisionError:
            raise found
        return found

    async def scene():
        broadcast = events.StateBroadcast(value)
        with pytest.raises(ZeroDivisionError):
            await broadcast.event()
        return await broadcast.event()

    assert asyncio.run(scene()) == b'event: state\ndata: {"n":2}\n\n'
