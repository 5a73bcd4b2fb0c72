import pytest
from botocore.exceptions import ConnectionClosedError

from bridge.aws.network_errors import network_error
from bridge.aws.transport.session import IncompleteRequestError
from bridge.errors import OutcomeUnknown, Unavailable
from tests.aws.transport.scripted_server import SMALL_WINDOW_BYTES, ScriptedServer, respond_always
from tests.aws.transport.sending import post, session_with

LARGE = 8_000_000
"""Larger than the kernel's buffers, so the request is not sent completely when the server responds."""


def test_response_before_the_body_was_sent_is_read_at_once(scheme, clock):
    """The clock stands still, so no time-out can expire."""
    for_server, for_session = scheme

    def script(connection):
        connection.read_head()
        connection.respond(b"too large", status=413)
        connection.socket.recv(1)
        connection.read_head()  # if the client wrongly sends another request

    with ScriptedServer(script, window_bytes=SMALL_WINDOW_BYTES, **for_server) as server:
        session = session_with(clock, **for_session)
        response, measurement = post(session, server.url, LARGE)
        assert (response.status_code, response.content) == (413, b"too large")
        assert measurement.drained_bytes < measurement.request_bytes
        assert measurement.answered_at is not None
        post(session, server.url, LARGE)
        session.close()
    assert server.accepted == 2, "half a request is on the first connection: no other may follow"


def test_interim_response_does_not_end_the_body(scheme, clock):
    for_server, for_session = scheme

    def script(connection):
        connection.read_head()
        connection.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.read_body()
        connection.respond(b"complete")

    with ScriptedServer(script, window_bytes=SMALL_WINDOW_BYTES, **for_server) as server:
        session = session_with(clock, **for_session)
        response, measurement = post(session, server.url, 1_000_000)
        session.close()
    assert response.content == b"complete"
    assert measurement.drained_bytes == measurement.request_bytes


@pytest.mark.parametrize("size", [1000, LARGE])
def test_reset_is_noticed_at_once(scheme, clock, size):
    for_server, for_session = scheme

    def script(connection):
        connection.read_head()
        connection.reset()

    with ScriptedServer(script, window_bytes=SMALL_WINDOW_BYTES, **for_server) as server:
        error, measurement = post(session_with(clock, **for_session), server.url, size)
    assert type(network_error(error)) is (Unavailable if size == LARGE else OutcomeUnknown)
    assert measurement.answered_at is None


@pytest.mark.parametrize("size", [1000, LARGE])
def test_close_without_a_response_is_noticed_at_once(scheme, clock, size):
    for_server, for_session = scheme

    def script(connection):
        connection.read_head()
        connection.socket.close()

    with ScriptedServer(script, window_bytes=SMALL_WINDOW_BYTES, **for_server) as server:
        error, _ = post(session_with(clock, **for_session), server.url, size)
    assert isinstance(error, IncompleteRequestError if size == LARGE else ConnectionClosedError)
    assert type(network_error(error)) is (Unavailable if size == LARGE else OutcomeUnknown)


def test_request_has_no_expect_header(clock):
    heads = []

    def script(connection):
        heads.append(connection.read_request())
        connection.respond()

    with ScriptedServer(script) as server:
        post(session_with(clock), server.url, 100_000)
    assert b"expect" not in heads[0].lower()
    assert heads[0].startswith(b"POST / HTTP/1.1\r\n")


def test_responses_are_read_complete(scheme):
    for_server, for_session = scheme
    bodies = [b"a", b"b" * 70_000, b"c" * 3_000_000]

    def script(connection):
        for body in bodies:
            connection.read_request()
            connection.respond(body)
        connection.read_request()
        connection.socket.sendall(
            b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\ndefgh\r\n0\r\n\r\n"
        )
        connection.read_request()
        connection.socket.sendall(b"HTTP/1.1 200 X\r\nConnection: close\r\n\r\nto the end")
        connection.socket.close()

    with ScriptedServer(script, **for_server) as server:
        session = session_with(**for_session)
        contents = [post(session, server.url)[0].content for _ in range(5)]
        session.close()
    assert contents == [*bodies, b"abcdefgh", b"to the end"]
    assert server.accepted == 1


def test_session_after_a_close_can_be_used(scheme):
    for_server, for_session = scheme
    with ScriptedServer(respond_always, **for_server) as server:
        session = session_with(**for_session)
        assert post(session, server.url)[0].status_code == 200
        session.close()
        assert post(session, server.url)[0].status_code == 200
        session.close()
    assert server.accepted == 2
