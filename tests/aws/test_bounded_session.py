import time
from contextlib import suppress

import pytest
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.credentials import create_credential_resolver
from botocore.exceptions import HTTPClientError
from botocore.httpsession import URLLib3Session
from botocore.session import get_session
from hypothesis import given
from hypothesis import strategies as st

from bridge.aws import bounded_session
from bridge.aws.bounded_session import BoundedSession, bound_metadata
from tests.aws.transport.scripted_server import ScriptedServer, respond_always


def get(url):
    session = BoundedSession(URLLib3Session(timeout=20))
    try:
        return session.send(AWSRequest(method="GET", url=url, headers={}).prepare())
    finally:
        session.close()


def test_response_within_the_limits_is_that_of_botocore():
    with ScriptedServer(respond_always) as server:
        response = get(server.url)
    assert (response.status_code, response.content, response.text) == (200, b"{}", "{}")


def test_announced_body_beyond_the_limit_is_not_read_to_its_end():
    def script(connection):
        connection.read_request()
        connection.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1500000000\r\n\r\n")
        while True:
            connection.socket.sendall(bytes(65536))

    with ScriptedServer(script) as server, pytest.raises(HTTPClientError, match="larger than"):
        get(server.url)


@given(st.lists(st.integers(1, 20), max_size=6), st.integers(1, 60))
def test_response_has_bytes_up_to_the_limit(chunks, limit):
    class Inner:
        def send(self, request):
            return AWSResponse(request.url, 200, {}, Body())

    class Body:
        def stream(self, _size):
            return map(bytes, chunks)

        def close(self):
            """Do nothing: no socket is open."""

    request = AWSRequest(method="GET", url="http://a", headers={}).prepare()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bounded_session, "MAX_RESPONSE_BYTES", limit)
        if sum(chunks) <= limit:
            assert BoundedSession(Inner()).send(request).content == bytes(sum(chunks))
        else:
            with pytest.raises(HTTPClientError, match=f"larger than {limit} bytes"):
                BoundedSession(Inner()).send(request)


def test_metadata_services_are_both_limited(monkeypatch):
    made = []
    monkeypatch.setattr(bounded_session, "BoundedSession", lambda inner, *, secret: made.append((type(inner), secret)))
    bound_metadata(create_credential_resolver(get_session()))
    assert made == [(URLLib3Session, (200,))] * 2


@pytest.mark.parametrize(
    ("secret", "status", "body", "shown"),
    [
        ((200,), 200, '{"SecretAccessKey": "hunter2"}', '{"SecretAccessKey": "hunter2"}'),
        ((200,), 201, '{"SecretAccessKey": "hunter2"}', ""),
        ((200,), 500, '"SecretAccessKey": "hunter2"}', ""),
        ((200,), 403, '{"message": "no role", "key": "hunter2"}', '{"message": "no role"}'),
        ((200,), 403, '{"message": {"key": "hunter2"}}', ""),
        ((200,), 403, '["hunter2"]', ""),
        ((200,), 403, "[" * 100_000, ""),
        (None, 403, "<Error>denied</Error>", "<Error>denied</Error>"),
    ],
)
def test_response_with_an_unexpected_status_has_only_its_message(secret, status, body, shown):
    class Inner:
        def send(self, request):
            return AWSResponse(request.url, status, {}, Body())

    class Body:
        def stream(self, _size):
            yield body.encode()

        def close(self):
            """Do nothing: no socket is open."""

    request = AWSRequest(method="GET", url="http://a", headers={}).prepare()
    assert BoundedSession(Inner(), secret=secret).send(request).text == shown


@pytest.mark.parametrize(
    "first",
    [b"HTTP/1.1 200 OK\r\nX-A: ", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b""],
    ids=["head", "body", "status line"],
)
def test_response_that_arrives_in_single_bytes_ends_at_the_deadline(first, monkeypatch):
    monkeypatch.setattr(bounded_session, "MAX_RESPONSE_SECS", 0.2)

    def script(connection):
        connection.read_request()
        connection.socket.sendall(first)
        with suppress(OSError):
            while True:
                connection.socket.sendall(b"b")
                time.sleep(0.01)

    with ScriptedServer(script) as server, pytest.raises(HTTPClientError):
        get(server.url)


def test_endless_interim_responses_end_at_the_deadline(monkeypatch):
    monkeypatch.setattr(bounded_session, "MAX_RESPONSE_SECS", 0.2)

    def script(connection):
        connection.read_request()
        with suppress(OSError):
            while True:
                connection.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                time.sleep(0.01)

    with ScriptedServer(script) as server, pytest.raises(HTTPClientError):
        get(server.url)
