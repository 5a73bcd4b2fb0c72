"""uvicorn's server, which an event stops."""

import asyncio

import pytest
import uvicorn

from bridge.web import stoppable_server
from bridge.web.stoppable_server import StoppableServer


async def app(_scope, _receive, _send):
    raise AssertionError("no request is sent")


def server(each_second=lambda: None):
    made = StoppableServer(uvicorn.Config(app, log_config=None, lifespan="off"), each_second)
    made.config.load()
    return made


def test_end_before_the_main_loop_ends_it_at_once():
    async def scene():
        made = server(lambda: pytest.fail("there is no second"))
        made.end()
        await made.main_loop()

    asyncio.run(scene())


def test_end_wakes_the_main_loop_from_another_thread(monkeypatch):
    monkeypatch.setattr(stoppable_server, "_DATE_SECS", 3_600.0)
    seconds = []

    async def scene():
        made = server(lambda: seconds.append(1))
        running = asyncio.create_task(made.main_loop())
        await asyncio.sleep(0)
        await asyncio.to_thread(made.end)
        await asyncio.wait_for(running, 60)

    asyncio.run(scene())
    assert seconds == [1]


def test_main_loop_calls_each_second_and_updates_the_date(monkeypatch):
    monkeypatch.setattr(stoppable_server, "_DATE_SECS", 0.0)
    seconds = []

    async def scene():
        def second():
            seconds.append(dict(made.server_state.default_headers).get(b"date"))
            if len(seconds) == 3:
                made.end()

        made = server(second)
        await made.main_loop()

    asyncio.run(scene())
    assert len(seconds) == 3
    assert all(seconds)


def test_end_after_the_loop_has_ended_is_no_error():
    async def scene():
        return server()

    made = asyncio.run(scene())
    made.end()
    assert made.should_exit
