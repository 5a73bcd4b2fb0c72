import socket
import ssl
import threading
import urllib.request

import pytest

from bridge.web.server import WebServer, open_listener
from bridge.web.settings import HttpSettings
from tests.harness.certificates import Authority
from tests.integration.arrivals import eventually


@pytest.fixture
def serve(bridge):
    running = []

    def start(**settings):
        server = WebServer(bridge, HttpSettings(**{"listen": "127.0.0.1:0", **settings}))
        thread = threading.Thread(target=server.run)
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.stop()
        thread.join(10)
        assert not thread.is_alive()


def fetched(server, path, **options):
    return urllib.request.urlopen(server.url.rstrip("/") + path, timeout=5, **options).read()


def test_server_stops_while_a_client_listens(serve, bridge):
    server = serve()
    eventually(lambda: server.port, "it listens")
    eventually(lambda: _answers(server), "it answers")
    with urllib.request.urlopen(server.url + "api/events", timeout=5) as events:
        assert events.readline().startswith(b"event: state")
    with urllib.request.urlopen(server.url + "api/messages", timeout=5) as messages:
        assert messages.readline().startswith(b"event: messages")
        eventually(lambda: bridge.tap is not None, "the tap is open while somebody looks")
    eventually(lambda: bridge.tap is None, "and closed when nobody does")


def _answers(server):
    try:
        return b"ok" in fetched(server, "/healthz")
    except OSError:
        return False


def test_port_that_is_taken_is_reported_and_taken_once_it_is_free(serve, monkeypatch):
    from bridge.web import server as module  # noqa: PLC0415

    monkeypatch.setattr(module, "TRY_AGAIN_SECS", 0.05)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = serve(listen=f"127.0.0.1:{port}")
        eventually(lambda: f"http.listen 127.0.0.1:{port}" in server.problem, "it is reported")
    eventually(lambda: _answers(server), "it is served after all")
    assert server.problem == ""


def test_open_listener_keeps_clients_until_a_server_is_given_it(bridge):
    listener = open_listener("127.0.0.1", 0)
    port = listener.getsockname()[1]
    early = socket.create_connection(listener.getsockname(), timeout=30)
    early.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    server = WebServer(bridge, HttpSettings(listen="127.0.0.1:0"))
    server.listener = listener
    thread = threading.Thread(target=server.run)
    thread.start()
    with early:
        assert early.recv(100).startswith(b"HTTP/1.1 200")
    server.stop()
    thread.join(30)
    assert server.port == port


def test_page_with_a_certificate_is_served_by_https(serve, tmp_path):
    authority = Authority(tmp_path / "authority")
    cert_file, key_file = authority.server()
    server = serve(cert_file=str(cert_file), key_file=str(key_file))
    context = ssl.create_default_context(cafile=authority.ca_file)
    eventually(lambda: _answers_https(server, context), "it answers by https")
    assert server.url.startswith("https://127.0.0.1:")


def test_token_of_the_example_is_refused():
    with pytest.raises(ValueError, match="replace it"):
        HttpSettings(listen="0.0.0.0:8080", token="change-me-16-characters")


def _answers_https(server, context):
    try:
        return b"ok" in fetched(server, "/healthz", context=context)
    except OSError:
        return False


def test_server_error_ends_the_page_and_is_a_problem(bridge, monkeypatch, caplog):
    server = WebServer(bridge, HttpSettings(listen="127.0.0.1:0"))
    monkeypatch.setattr(server, "_listen", lambda: 1 / 0)
    server.run()
    assert server.problem == "it ended with an error: see the log"
    assert "the page ended with an error; the bridge continues without it" in caplog.text


@pytest.mark.parametrize("at", ["_listen", "_serve"])
def test_server_that_is_stopped_while_it_starts_ends_at_once(bridge, monkeypatch, at):
    server = WebServer(bridge, HttpSettings(listen="127.0.0.1:0"))
    real = getattr(server, at)

    def stopping(*args):
        server.stop()
        return real(*args)

    monkeypatch.setattr(server, at, stopping)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
