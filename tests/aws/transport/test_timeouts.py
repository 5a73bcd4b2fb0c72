import threading

import pytest

from bridge.aws.network_errors import network_error
from bridge.aws.transport import progress_socket
from bridge.aws.transport.request import NoResponse, RequestStalled
from bridge.aws.transport.session import IncompleteRequestError, OutcomeUnknownError
from bridge.aws.transport.timeouts import TransportTimeouts
from bridge.errors import OutcomeUnknown, Unavailable
from tests.aws.transport.scripted_server import SMALL_WINDOW_BYTES, ScriptedServer
from tests.aws.transport.sending import Clock, Running, post, session_with

STEP_BYTES = 8 * 1024


def slow_reader(clock, step_secs):
    """Return a script that reads the body slowly. After each step, the clock advances."""

    def script(connection):
        connection.read_head()
        while connection.read_body(STEP_BYTES):
            clock.advance(step_secs)
        connection.respond(b'{"slow": true}')

    return script


@pytest.mark.parametrize("size", [200_000, 3_000_000])
def test_send_body_that_keeps_moving_outlasts_the_stall_timeout(scheme, clock, size):
    """The smaller body fits into the kernel's send buffer, the larger one does not."""
    for_server, for_session = scheme
    with ScriptedServer(slow_reader(clock, 10.0), window_bytes=SMALL_WINDOW_BYTES, **for_server) as server:
        session = session_with(clock, TransportTimeouts(20.0, 30.0, 30.0), **for_session)
        response, measurement = post(session, server.url, size)
        session.close()
    assert response.content == b'{"slow": true}'
    assert measurement.request_bytes > size
    assert measurement.answered_at - measurement.started_at > 200


def test_send_to_a_server_that_stops_reading_ends_in_doubt(scheme):
    for_server, for_session = scheme
    done = threading.Event()

    def script(connection):
        connection.read_head()
        connection.read_body(50_000)
        done.wait(30)

    with Running() as clock, ScriptedServer(script, window_bytes=SMALL_WINDOW_BYTES, **for_server) as server:
        error, measurement = post(session_with(clock, **for_session), server.url, 3_000_000)
        done.set()
    assert isinstance(error, OutcomeUnknownError)
    assert isinstance(error.kwargs["error"], RequestStalled)
    assert isinstance(network_error(error), OutcomeUnknown)
    assert "no byte left this machine for 30 s" in network_error(error).detail
    assert 40_000 < measurement.drained_bytes < 1_000_000
    assert measurement.drained_at is None


def test_response_that_never_comes_ends_in_doubt_after_the_drain(scheme):
    for_server, for_session = scheme
    done = threading.Event()

    def script(connection):
        connection.read_request()
        done.wait(30)

    with Running() as clock, ScriptedServer(script, **for_server) as server:
        error, measurement = post(session_with(clock, **for_session), server.url, 50_000)
        done.set()
        ended_at = clock()
    assert isinstance(error.kwargs["error"], NoResponse)
    assert isinstance(network_error(error), OutcomeUnknown)
    assert measurement.drained_bytes == measurement.request_bytes
    assert ended_at - measurement.drained_at >= 30
    assert measurement.answered_at is None


def test_response_that_stops_in_its_middle_ends_in_doubt():
    done = threading.Event()

    def script(connection):
        connection.read_request()
        connection.socket.sendall(b"HTTP/1.1 200 X\r\nContent-Length: 100000\r\n\r\n{")
        done.wait(30)

    with Running() as clock, ScriptedServer(script) as server:
        error, measurement = post(session_with(clock), server.url)
        done.set()
    assert isinstance(network_error(error), OutcomeUnknown)
    assert "the rest of the response did not come within 30 s" in network_error(error).detail
    assert measurement.answered_at is not None


def test_response_that_keeps_moving_outlasts_the_answer_timeout():
    go_on = threading.Semaphore(0)

    def script(connection):
        connection.read_request()
        connection.socket.sendall(b"HTTP/1.1 200 X\r\nContent-Length: 40\r\n\r\n")
        for _ in range(40):
            connection.socket.sendall(b"x")
            go_on.acquire(timeout=30)

    class Steps(Clock):
        """Clock that advances by a second at each call. Each wait is short, but the response takes long."""

        def __call__(self):
            go_on.release()
            self.advance(1.0)
            return self.now

    steps = Steps()
    with ScriptedServer(script) as server:
        response, measurement = post(session_with(steps), server.url)
    assert response.content == b"x" * 40
    assert steps.now - measurement.answered_at > 30


def test_response_without_send_buffer_is_due_after_the_last_write(monkeypatch):
    """Systems other than Linux have no SIOCOUTQ."""
    monkeypatch.setattr(progress_socket, "unacknowledged_bytes", lambda _: None)
    done = threading.Event()

    def script(connection):
        done.wait(30)

    with Running() as clock, ScriptedServer(script) as server:
        error, measurement = post(session_with(clock), server.url, 2000)
        done.set()
    assert isinstance(error.kwargs["error"], NoResponse)
    assert measurement.drained_at is None


def test_tls_handshake_without_a_response_sends_nothing(tls):
    done = threading.Event()
    with ScriptedServer(lambda _: done.wait(30)) as server:
        session = session_with(timeouts=TransportTimeouts(connect_timeout_secs=0.2), verify=tls[1])
        error, measurement = post(session, server.url.replace("http:", "https:"))
        done.set()
    assert isinstance(error, IncompleteRequestError)
    assert type(network_error(error)) is Unavailable
    assert (measurement.request_bytes, measurement.started_at) == (0, None)
    assert measurement.connect_secs >= 0.2
