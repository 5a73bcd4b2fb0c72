"""A response that never ends, or is larger than any response of its operation, ends its request with an error."""

import contextlib

import pytest
from botocore.awsrequest import AWSRequest

from bridge.aws.network_errors import network_error
from bridge.aws.transport import session as session_module
from bridge.aws.transport.request import MAX_RESPONSE_BYTES
from bridge.aws.transport.session import MAX_GET_RECORDS_BYTES, OutcomeUnknownError
from bridge.errors import OutcomeUnknown
from tests.aws.transport.scripted_server import ScriptedServer
from tests.aws.transport.sending import PATIENT, Clock, post, session_with

MIB = 1024 * 1024
HEAD_BYTES = len(b"HTTP/1.1 200 X\r\nContent-Length: 20000\r\n\r\n")


def announced(length):
    """A server that announces a body, and sends it as fast as the client reads it."""

    def script(connection):
        connection.read_request()
        connection.socket.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode())
        for _ in range(length // MIB):
            connection.socket.sendall(bytes(MIB))

    return script


def endless(connection):
    connection.read_request()
    connection.socket.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.socket.sendall(b"100000\r\n" + bytes(MIB) + b"\r\n")


def endless_interim(connection):
    connection.read_request()
    while True:
        connection.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


def outcome_of(script):
    with ScriptedServer(script) as server:
        session = session_with()
        outcome, _ = post(session, server.url)
        session.close()
    return outcome


def test_announced_body_beyond_the_limit_is_not_read():
    outcome = outcome_of(announced(1_500_000_000))
    assert isinstance(outcome, OutcomeUnknownError)
    assert "larger than 4,194,304 bytes" in str(outcome)
    assert isinstance(network_error(outcome), OutcomeUnknown)


def test_endless_body_ends_at_the_limit():
    assert f"larger than {MAX_RESPONSE_BYTES:,} bytes" in str(outcome_of(endless))


def test_endless_interim_responses_end_at_the_limit():
    assert f"larger than {MAX_RESPONSE_BYTES:,} bytes" in str(outcome_of(endless_interim))


def test_get_records_may_be_larger_than_other_responses():
    def script(connection):
        connection.read_request()
        connection.respond(bytes(14 * MIB))

    with ScriptedServer(script) as server:
        session = session_with()
        headers = {"Host": "kinesis", "X-Amz-Target": "Kinesis_20131202.GetRecords"}
        response = session.send(AWSRequest(method="POST", url=server.url, data=b"{}", headers=headers).prepare())
        session.close()
    assert len(response.content) == 14 * MIB < MAX_GET_RECORDS_BYTES


@pytest.mark.parametrize(("operation", "limit"), [("PutRecords", 20_000), ("GetRecords", 40_000)])
def test_response_has_bytes_up_to_the_limit_of_its_operation(monkeypatch, operation, limit):
    monkeypatch.setattr(session_module, "MAX_RESPONSE_BYTES", 20_000)
    monkeypatch.setattr(session_module, "MAX_GET_RECORDS_BYTES", 40_000)
    # The head counts too.
    sizes = [limit - HEAD_BYTES, limit - HEAD_BYTES + 1]

    def script(connection):
        while sizes:
            connection.read_request()
            connection.respond(bytes(sizes.pop(0)))

    with ScriptedServer(script) as server:
        session = session_with()
        headers = {"Host": "kinesis", "X-Amz-Target": f"Kinesis_20131202.{operation}"}
        request = AWSRequest(method="POST", url=server.url, data=b"{}", headers=headers)
        assert len(session.send(request.prepare()).content) == limit - HEAD_BYTES
        with pytest.raises(OutcomeUnknownError, match=f"larger than {limit:,} bytes"):
            session.send(request.prepare())
        session.close()


def test_response_byte_by_byte_ends_after_ten_time_outs():
    """Each byte arrives within the time-out of a clock that the server advances."""
    clock = Clock()

    def script(connection):
        connection.read_request()
        connection.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while connection.socket.send(b"x"):
                clock.advance(PATIENT.answer_timeout_secs / 2)

    with ScriptedServer(script) as server:
        session = session_with(clock)
        outcome, _ = post(session, server.url)
        session.close()
    assert "did not come within 300 s" in str(outcome)
