import threading

import pytest
from botocore.exceptions import ProxyConnectionError

from bridge.aws.network_errors import network_error
from bridge.aws.transport.request import RequestAborted, RequestStalled
from bridge.aws.transport.requests_in_flight import RequestsInFlight
from bridge.errors import OutcomeUnknown, Refused, Unavailable
from tests.aws.transport.connect_proxy import LOGIN, connect_proxy
from tests.aws.transport.scripted_server import SMALL_WINDOW_BYTES, ScriptedServer, respond_always
from tests.aws.transport.sending import FOREVER, Posting, Running, post, session_with


@pytest.fixture(params=["http", "https"])
def proxy_tls(request, tls):
    """The TLS context of a proxy, or None. With it, TLS to AWS runs inside TLS to the proxy."""
    return tls[0] if request.param == "https" else None


def through(proxy, tls, *args, login=LOGIN, **options):
    url = f"{proxy.url.split(':')[0]}://{login}@127.0.0.1:{proxy.port}"
    return session_with(*args, proxies={"http": url, "https": url}, verify=tls[1], **options)


def test_requests_share_a_tunnel(tls, proxy_tls):
    seen = []
    with ScriptedServer(respond_always, tls=tls[0]) as server, connect_proxy(seen, tls=proxy_tls) as proxy:
        session = through(proxy, tls)
        outcomes = [post(session, server.url, 300_000) for _ in range(3)]
        session.close()
    assert [response.content for response, _ in outcomes] == [b"{}"] * 3
    assert [measurement.reused for _, measurement in outcomes] == [False, True, True]
    assert [head.split()[0] for head in seen] == ["CONNECT"]
    assert server.accepted == 1


def test_tunnel_unused_for_long_is_made_again(tls, proxy_tls, clock):
    seen = []
    with ScriptedServer(respond_always, tls=tls[0]) as server, connect_proxy(seen, tls=proxy_tls) as proxy:
        session = through(proxy, tls, clock)
        post(session, server.url)
        clock.advance(60)
        response, measurement = post(session, server.url)
        session.close()
    assert (response.status_code, measurement.reused) == (200, False)
    assert len(seen) == 2


def test_request_without_tls_is_forwarded(tls):
    seen = []
    with ScriptedServer(respond_always) as server, connect_proxy(seen, forward_to=server.port) as proxy:
        session = through(proxy, tls)
        response, measurement = post(session, server.url)
        session.close()
    assert response.status_code == 200
    assert seen[0].startswith(f"POST {server.url} HTTP/1.1")
    assert measurement.drained_bytes == measurement.request_bytes


def test_body_through_a_tunnel_that_keeps_moving_outlasts_the_stall(tls, proxy_tls, clock):
    """The clock advances by 2 s for each read of the proxy, in total by more than 400 s."""
    with (
        ScriptedServer(respond_always, tls=tls[0]) as server,
        connect_proxy([], tls=proxy_tls, window_bytes=SMALL_WINDOW_BYTES, on_read=lambda: clock.advance(2.0)) as proxy,
    ):
        session = through(proxy, tls, clock)
        response, measurement = post(session, server.url, 2_000_000)
        session.close()
    assert response.status_code == 200
    assert measurement.answered_at - measurement.started_at > 400


def test_tunnel_that_stops_within_the_body_stores_nothing(tls, proxy_tls):
    done = threading.Event()

    def script(connection):
        connection.read_head()
        done.wait(30)

    with (
        Running() as clock,
        ScriptedServer(script, tls=tls[0], window_bytes=SMALL_WINDOW_BYTES) as server,
        connect_proxy([], tls=proxy_tls, window_bytes=SMALL_WINDOW_BYTES) as proxy,
    ):
        error, measurement = post(through(proxy, tls, clock), server.url, 16_000_000)
        done.set()
    assert isinstance(error.kwargs["error"], RequestStalled)
    assert type(network_error(error)) is Unavailable
    assert measurement.drained_at is None


def test_tunnel_that_ends_without_a_response_leaves_doubt(tls, proxy_tls):
    """urllib3 reports a failure to connect to the proxy."""

    def script(connection):
        connection.read_request()
        connection.socket.close()

    with ScriptedServer(script, tls=tls[0]) as server, connect_proxy([], tls=proxy_tls) as proxy:
        error, _ = post(through(proxy, tls), server.url)
    assert isinstance(network_error(error), OutcomeUnknown)


def test_abort_ends_a_request_through_a_tunnel(tls, proxy_tls):
    reached, done, in_flight = threading.Event(), threading.Event(), RequestsInFlight()

    def script(connection):
        connection.read_request()
        reached.set()
        done.wait(30)

    with ScriptedServer(script, tls=tls[0]) as server, connect_proxy([], tls=proxy_tls) as proxy:
        posting = Posting(through(proxy, tls, timeouts=FOREVER, in_flight=in_flight), server.url)
        assert reached.wait(30)
        in_flight.abort()
        error, _ = posting.outcome()
        done.set()
    assert isinstance(error.kwargs["error"], RequestAborted)
    assert isinstance(network_error(error), OutcomeUnknown)


def test_abort_ends_the_wait_for_a_tunnel(tls):
    reached, done, in_flight = threading.Event(), threading.Event(), RequestsInFlight()

    def script(connection):
        connection.read_head()
        reached.set()
        done.wait(30)

    with ScriptedServer(script) as proxy:
        posting = Posting(through(proxy, tls, timeouts=FOREVER, in_flight=in_flight), "https://127.0.0.1:9/")
        assert reached.wait(30)
        in_flight.abort()
        error, measurement = posting.outcome()
        done.set()
    assert type(network_error(error)) is Unavailable
    assert measurement.request_bytes == 0


def test_proxy_that_requests_another_login_is_refused_without_showing_it(tls):
    with connect_proxy([]) as proxy:
        error, _ = post(through(proxy, tls, login="plant:wrong"), "https://127.0.0.1:9/")
    refused = network_error(error)
    assert isinstance(refused, Refused)
    assert "kinesis.proxy_url" in refused.hint
    assert "wrong" not in str(refused)


def test_proxy_that_is_down_is_unavailable(tls):
    with connect_proxy([]) as proxy:
        pass
    error, _ = post(through(proxy, tls), "https://127.0.0.1:9/")
    assert isinstance(error, ProxyConnectionError)
    assert type(network_error(error)) is Unavailable
