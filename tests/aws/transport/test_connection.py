import socket
import ssl
import threading

import pytest
from botocore.exceptions import EndpointConnectionError, SSLError

from bridge.aws.network_errors import network_error
from bridge.aws.transport.connection import ProgressHTTPConnection
from bridge.aws.transport.session import IncompleteRequestError
from bridge.errors import OutcomeUnknown, Refused, Unavailable
from tests.aws.transport.scripted_server import ScriptedServer, respond_always
from tests.aws.transport.sending import post, session_with
from tests.harness.certificates import Authority


def test_connection_is_used_again(scheme):
    for_server, for_session = scheme
    with ScriptedServer(respond_always, **for_server) as server:
        session = session_with(**for_session)
        measurements = [post(session, server.url)[1] for _ in range(3)]
        session.close()
    assert server.accepted == 1
    assert [each.reused for each in measurements] == [False, True, True]
    assert measurements[0].connect_secs > 0
    assert measurements[1].connect_secs == 0


def test_connection_unused_for_long_is_closed_and_another_made(scheme, clock):
    for_server, for_session = scheme
    with ScriptedServer(respond_always, **for_server) as server:
        session = session_with(clock, **for_session)
        reused = []
        for idle_secs in (0, 14, 15, 14):
            clock.advance(idle_secs)
            reused.append(post(session, server.url)[1].reused)
        session.close()
    assert reused == [False, True, False, True]
    assert server.accepted == 2


def test_connection_that_the_server_closed_while_idle_is_replaced(clock):
    """The server may close the connection in any way. The clock stands still."""
    closed = threading.Semaphore(0)

    def script(connection):
        connection.read_request()
        connection.respond()
        connection.socket.shutdown(socket.SHUT_RDWR)
        closed.release()

    with ScriptedServer(script) as server:
        session = session_with(clock)
        for _ in range(3):
            response, measurement = post(session, server.url)
            assert response.status_code == 200
            assert not measurement.reused
            assert closed.acquire(timeout=30)
        session.close()


def test_close_of_an_idle_connection_that_meets_a_request_leaves_doubt(clock):
    def script(connection):
        connection.read_request()
        connection.respond()
        connection.read_head()
        connection.reset()

    with ScriptedServer(script) as server:
        session = session_with(clock)
        post(session, server.url)
        error, measurement = post(session, server.url)
        session.close()
    assert measurement.reused
    assert isinstance(network_error(error), OutcomeUnknown)


def test_reused_connection_that_accepts_no_byte_leaves_no_doubt(clock, monkeypatch):
    """The reset arrives after urllib3 has checked whether the connection is still open."""
    may_reset = threading.Event()
    was_reset = threading.Event()

    def script(connection):
        connection.read_request()
        connection.respond()
        may_reset.wait(30)
        connection.reset()
        was_reset.set()

    with ScriptedServer(script) as server:
        session = session_with(clock)
        post(session, server.url)
        may_reset.set()
        assert was_reset.wait(30)
        monkeypatch.setattr(ProgressHTTPConnection, "is_connected", property(lambda _: True))
        error, measurement = post(session, server.url)
        session.close()
    assert isinstance(error, IncompleteRequestError)
    assert type(network_error(error)) is Unavailable
    assert (measurement.reused, measurement.drained_bytes) == (True, 0)


def test_refused_connection_is_unavailable():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error, measurement = post(session_with(), f"http://127.0.0.1:{unused.getsockname()[1]}/")
    assert isinstance(error, EndpointConnectionError)
    assert type(network_error(error)) is Unavailable
    assert "Connection refused" in network_error(error).detail
    assert measurement.request_bytes == 0


def test_name_without_an_address_is_unavailable():
    error, _ = post(session_with(), "http://kinesis.invalid/")
    assert type(network_error(error)) is Unavailable
    assert "kinesis.invalid" in network_error(error).detail


def test_second_address_is_tried(monkeypatch):
    found = socket.getaddrinfo
    with socket.socket() as unused, ScriptedServer(respond_always) as server:
        unused.bind(("127.0.0.1", 0))
        both = [*found(*unused.getsockname(), 0, socket.SOCK_STREAM), *found("127.0.0.1", server.port, 0, 1)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_: both)
        session = session_with()
        response, _ = post(session, "http://kinesis.plant/")
        session.close()
    assert response.status_code == 200


def test_certificate_of_an_unknown_authority_is_refused(tls):
    with ScriptedServer(respond_always, tls=tls[0]) as server:
        error, measurement = post(session_with(), server.url)
    assert isinstance(error, SSLError)
    refused = network_error(error)
    assert isinstance(refused, Refused)
    assert "not trusted" in refused.hint
    assert measurement.request_bytes == 0


def test_certificate_for_another_name_is_refused(tmp_path):
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.server(address="127.0.0.9"))
    with ScriptedServer(respond_always, tls=context) as server:
        error, _ = post(session_with(verify=str(authority.ca_file)), server.url)
    assert isinstance(network_error(error), Refused)


def test_handshake_that_is_cut_leaves_no_doubt(tls):
    with ScriptedServer(lambda connection: connection.socket.close()) as server:
        error, _ = post(session_with(verify=tls[1]), server.url.replace("http:", "https:"))
    assert isinstance(error, IncompleteRequestError)
    assert type(network_error(error)) is Unavailable


@pytest.mark.parametrize("option", [(socket.IPPROTO_TCP, socket.TCP_NODELAY), (socket.SOL_SOCKET, socket.SO_KEEPALIVE)])
def test_sockets_have_the_options_of_the_session(option, monkeypatch):
    seen = []
    connect = socket.socket.connect

    def noting(sock, address):
        seen.append(sock.getsockopt(*option))
        connect(sock, address)

    with ScriptedServer(respond_always) as server:
        monkeypatch.setattr(socket.socket, "connect", noting)
        session = session_with(socket_options=[(*option, 1)])
        post(session, server.url)
        session.close()
    assert seen[0] != 0
