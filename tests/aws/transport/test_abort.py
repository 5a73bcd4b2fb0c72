import contextlib
import socket
import threading
import time

import pytest

from bridge.aws.network_errors import network_error
from bridge.aws.transport.request import RequestAborted
from bridge.aws.transport.requests_in_flight import RequestsInFlight
from bridge.aws.transport.session import IncompleteRequestError
from bridge.errors import OutcomeUnknown, Unavailable
from tests.aws.transport.scripted_server import SMALL_WINDOW_BYTES, ScriptedServer, respond_always
from tests.aws.transport.sending import FOREVER, Posting, post, session_with, wait_until


@pytest.fixture
def in_flight():
    return RequestsInFlight()


@pytest.mark.parametrize("read_body", [True, False], ids=["response_awaited", "body_being_sent"])
def test_abort_ends_requests_in_flight(scheme, in_flight, read_body):
    for_server, for_session = scheme
    reached, done = threading.Semaphore(0), threading.Event()

    def script(connection):
        connection.read_head()
        if read_body:
            connection.read_body()
        reached.release()
        done.wait(30)

    with ScriptedServer(script, window_bytes=SMALL_WINDOW_BYTES, **for_server) as server:
        session = session_with(timeouts=FOREVER, in_flight=in_flight, **for_session)
        posting = [Posting(session, server.url, 3_000_000) for _ in range(3)]
        for _ in posting:
            assert reached.acquire(timeout=30)
        in_flight.abort()
        outcomes = [each.outcome() for each in posting]
        done.set()
        session.close()
    for error, measurement in outcomes:
        assert isinstance(error.kwargs["error"], RequestAborted)
        assert isinstance(network_error(error), Unavailable)
        assert isinstance(network_error(error), OutcomeUnknown) or not read_body  # a partly sent request is not stored
        assert measurement.request_bytes > 3_000_000
    assert in_flight.progress().requests == 0


def test_abort_ends_a_tls_handshake(in_flight, tls):
    reached, done = threading.Event(), threading.Event()

    def script(connection):
        reached.set()
        done.wait(30)

    with ScriptedServer(script) as server:
        session = session_with(timeouts=FOREVER, in_flight=in_flight, verify=tls[1])
        posting = Posting(session, server.url.replace("http:", "https:"))
        assert reached.wait(30)
        in_flight.abort()
        error, _ = posting.outcome()
        done.set()
    assert type(network_error(error)) is Unavailable


def test_abort_ends_a_connect_that_hears_nothing(in_flight):
    """A listener whose queue is full ignores further connections, like a host behind a broken link."""
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = sockets.enter_context(socket.socket())
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(listener.getsockname())
        session = session_with(timeouts=FOREVER, in_flight=in_flight)
        posting = Posting(session, f"http://127.0.0.1:{listener.getsockname()[1]}/")
        wait_until(lambda: in_flight.progress().requests == 1)
        time.sleep(0.05)  # until connect() waits; an earlier abort must end it, too
        in_flight.abort()
        error, measurement = posting.outcome()
    assert type(network_error(error)) is Unavailable
    assert measurement.request_bytes == 0


def test_abort_is_final(in_flight):
    with ScriptedServer(respond_always) as server:
        session = session_with(in_flight=in_flight)
        assert post(session, server.url)[0].status_code == 200
        in_flight.abort()
        error, _ = post(session, server.url)
        session.close()
    assert isinstance(error, IncompleteRequestError)
    assert server.accepted == 1


def test_abort_while_requests_come_and_go_ends_all(in_flight):
    """The abort must also end requests that have started but are not registered yet."""
    with ScriptedServer(respond_always) as server:
        session = session_with(timeouts=FOREVER, in_flight=in_flight, max_pool_connections=8)
        ended = []

        def send_until_aborted():
            while not isinstance(post(session, server.url, 50_000)[0], Exception):
                pass
            ended.append(1)

        threads = [threading.Thread(target=send_until_aborted) for _ in range(8)]
        for thread in threads:
            thread.start()
        wait_until(lambda: server.accepted == 8)
        in_flight.abort()
        for thread in threads:
            thread.join(30)
        session.close()
    assert len(ended) == 8


def test_progress_shows_what_has_left(in_flight):
    read_on, done = threading.Event(), threading.Event()

    def script(connection):
        connection.read_head()
        connection.read_body(100_000)
        read_on.wait(30)
        connection.read_body()
        done.wait(30)
        connection.respond()

    with ScriptedServer(script, window_bytes=SMALL_WINDOW_BYTES) as server:
        session = session_with(in_flight=in_flight)
        posting = Posting(session, server.url, 1_000_000)
        wait_until(lambda: in_flight.progress().drained_bytes >= 100_000)
        requests, size, drained = in_flight.progress()
        assert requests == 1
        assert size > 1_000_000
        assert drained < 400_000
        read_on.set()
        wait_until(lambda: in_flight.progress().drained_bytes == size)
        done.set()
        response, measurement = posting.outcome()
        session.close()
    assert response.status_code == 200
    assert measurement.drained_at < measurement.answered_at
    assert 0 < measurement.round_trip_secs < 10
    assert in_flight.progress() == (0, 0, 0)
