"""Endpoints of the event streams, and of the busy topics."""

import asyncio
from types import SimpleNamespace

import orjson
import pytest

from bridge.web.endpoints import live
from bridge.web.endpoints.live import EventStream, LiveEndpoints
from bridge.web.events import MAX_LISTENERS, MessageFilter
from bridge.web.requests import RequestError
from bridge.web.thread_slots import ThreadSlots
from tests.web.bridges import publish

TOPIC = "factory/pdx/press07/telemetry"


def endpoints(bridge, *, stopping=lambda: True):
    return LiveEndpoints(bridge, lambda: {"state": "ok"}, stopping, ThreadSlots())


async def sent(response, *, disconnects=True):
    """Send a response, and return its chunks. The client disconnects after the first one."""
    chunks, gone = [], asyncio.Event()

    async def send(message):
        if message.get("body"):
            chunks.append(message["body"])
            if disconnects:
                gone.set()

    async def receive():
        await gone.wait()
        return {"type": "http.disconnect"}

    await response({"type": "http", "asgi": {"spec_version": "2.0"}}, receive, send)
    return chunks


def test_events_begin_with_the_state_and_end_with_the_client(bridge):
    async def scene():
        made = endpoints(bridge, stopping=lambda: False)
        [first, *_] = await sent(await made.events(None))
        assert made._listeners == 0
        return first

    assert asyncio.run(scene()) == b'event: state\ndata: {"state":"ok"}\n\n'
    assert bridge.tap is None


def test_listeners_beyond_the_limit_are_refused_until_one_ends(bridge):
    async def scene():
        made = endpoints(bridge)
        streams = [await made.events(None) for _ in range(MAX_LISTENERS)]
        with pytest.raises(RequestError, match="too many listeners") as caught:
            await made.events(None)
        assert caught.value.status == 503
        assert await sent(streams.pop(), disconnects=False) == []
        streams.append(await made.events(None))
        for each in streams:
            await sent(each, disconnects=False)
        assert made._listeners == 0

    asyncio.run(scene())


def test_stream_that_fails_no_longer_counts_as_a_listener():
    async def failing():
        yield b"x"
        raise ZeroDivisionError

    async def scene():
        ended = []
        with pytest.raises((ZeroDivisionError, ExceptionGroup)):
            await sent(EventStream(failing(), lambda: ended.append(1)), disconnects=False)
        return ended

    assert asyncio.run(scene()) == [1]


def test_messages_have_the_filter_of_their_request(bridge, monkeypatch):
    seen = []

    async def messages(_tap, wanted, *_):
        seen.append(wanted)
        yield b"x"

    monkeypatch.setattr(live, "messages", messages)
    query = {"topic": "t", "mapping": "m", "text": "x", "outcome": "filtered"}

    async def scene():
        made = endpoints(bridge)
        await sent(await made.messages(SimpleNamespace(query_params=query)))
        await sent(await made.messages(SimpleNamespace(query_params={})))

    asyncio.run(scene())
    assert seen == [MessageFilter("t", "m", "x", "filtered"), MessageFilter()]


@pytest.mark.parametrize("outcome", ["Filtered", "dead_letter", "records,filtered", " "])
def test_messages_of_an_unknown_outcome_are_refused(site, outcome):
    response = site(stopped=True).get("/api/messages", params={"outcome": outcome})
    assert (response.status_code, "outcome: expected one of" in response.json()["error"]) == (400, True)


def test_messages_begin_with_an_event_even_without_a_message(site):
    response = site(stopped=True).get("/api/messages")
    assert response.text == "event: messages\ndata: []\n\n"
    assert response.headers["content-type"].startswith("text/event-stream")


def test_busy_topics_have_their_mappings_and_share(bridge):
    async def scene():
        made = endpoints(bridge)
        with made._tap.sampling():
            bridge.tap([publish(TOPIC, b"{}"), publish("elsewhere", b""), publish(TOPIC, b"{}"), publish(TOPIC, b"{}")])
            return await made.busy_topics(None)

    topics = orjson.loads(asyncio.run(scene()).body)["topics"]
    assert [(each["topic"], each["share"], each["mappings"]) for each in topics] == [
        (TOPIC, 0.75, ["press"]),
        ("elsewhere", 0.25, []),
    ]


def test_busy_topics_without_an_open_page_are_empty(site):
    assert site().get("/api/busy-topics").json()["topics"] == []
