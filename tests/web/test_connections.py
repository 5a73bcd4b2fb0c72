"""The page's server with slow, silent, many or faulty clients."""

import asyncio
import errno
import logging
import resource
import socket
import threading
from pathlib import Path

import pytest

from bridge.web import connections
from bridge.web.connections import BODY_SECS, HEAD_SECS, KEEP_ALIVE_SECS, MAX_CONNECTIONS, Connections, PageListener
from bridge.web.server import WebServer
from bridge.web.settings import HttpSettings
from tests.integration.arrivals import eventually

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.fixture
def port(bridge):
    server = WebServer(bridge, HttpSettings(listen="127.0.0.1:0"))
    thread = threading.Thread(target=server.run)
    thread.start()
    eventually(lambda: server.port and is_healthy(server.port), "it listens", timeout_secs=60)
    yield server.port
    server.stop()
    thread.join(10)
    assert not thread.is_alive()


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def connected(port):
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def is_healthy(port):
    try:
        with connected(port) as connection:
            connection.sendall(HEALTH)
            return b" 200 OK" in connection.recv(4096)
    except OSError:
        return False


@pytest.fixture
def many():
    """Connections that are closed after the test."""
    made = []
    yield made
    for each in made:
        each.close()


def test_silent_connections_do_not_keep_a_health_check_from_its_answer(port, many):
    for _ in range(MAX_CONNECTIONS + 20):
        many.append(connected(port))
    assert all(is_healthy(port) for _ in range(5))


def test_incomplete_requests_do_not_block_a_health_check(port, many):
    for _ in range(MAX_CONNECTIONS + 20):
        many.append(connected(port))
        many[-1].sendall(b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nto")
    assert all(is_healthy(port) for _ in range(5))


def test_server_uses_few_descriptors_for_many_connections(port, many):
    before = descriptors()
    for _ in range(3 * MAX_CONNECTIONS):
        many.append(connected(port))
    assert is_healthy(port)
    # The clients' descriptors are those of this process too.
    assert descriptors() - before - len(many) <= MAX_CONNECTIONS + 1


def test_event_streams_that_come_at_once_are_limited(port, many):
    for _ in range(60):
        many.append(connected(port))
    for each in many:
        each.sendall(b"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert sorted(each.recv(12)[-3:] for each in many) == [b"200"] * 32 + [b"503"] * 28


def test_malformed_requests_are_logged_once(port, caplog):
    with caplog.at_level(logging.WARNING):
        for _ in range(20):
            with connected(port) as connection:
                connection.sendall(b"\x00\xff\r\n\r\n")
                assert b" 400 " in connection.recv(4096)
    assert len([each for each in caplog.messages if "Invalid HTTP request" in each]) <= 1
    assert is_healthy(port)


def test_connections_have_no_delay():
    """Without TCP_NODELAY a response on a kept connection waits 40 ms for the client's delayed acknowledgement."""
    found = []

    class Noting(asyncio.Protocol):
        def connection_made(self, transport):
            found.append(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            transport.close()

    async def scene():
        listener = PageListener(socket.AF_INET)
        listener.bind(("127.0.0.1", 0))
        server = await asyncio.get_running_loop().create_server(Noting, sock=listener)
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        await reader.read()
        writer.close()
        server.close()

    asyncio.run(scene())
    assert found == [1]


class Protocol:
    """A protocol of a connection, in the state that a test gives it."""

    def __init__(self, **state):
        self.busy = self.reads_body = self.write_paused = False
        vars(self).update(state)
        self.transport = self
        self.aborted = False

    def abort(self):
        self.aborted = True


class Registry:
    """Connections by a clock that stands still."""

    def __init__(self):
        self.now = 1000.0
        self.connections = Connections(lambda: self.now)
        self.sockets = []

    def accept(self, address="127.0.0.1", **state):
        here, there = socket.socketpair()
        self.sockets += [here, there]
        accepted = self.connections.accepted(here, address)
        protocol = Protocol(**state)
        if accepted:
            self.connections.served(here.fileno(), protocol)
        protocol.accepted = accepted
        return protocol


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 4)
    made = Registry()
    yield made
    for each in made.sockets:
        each.close()


def test_connection_that_waits_longest_makes_room(registry):
    first = registry.accept()
    registry.now += 1
    others = [registry.accept() for _ in range(4)]
    assert first.aborted
    assert not any(each.aborted for each in others)


def test_address_with_the_most_connections_makes_room(registry):
    alone = registry.accept("10.0.0.1")
    registry.now += 1
    many = [registry.accept("10.0.0.2") for _ in range(4)]
    assert not alone.aborted
    assert [each.aborted for each in many] == [True, False, False, False]


def test_busy_connections_are_never_ended_for_others(registry):
    busy = [registry.accept(busy=True) for _ in range(4)]
    assert not registry.accept().accepted
    assert not any(each.aborted for each in busy)


@pytest.mark.parametrize(
    ("state", "secs"),
    [({}, HEAD_SECS), ({"reads_body": True}, BODY_SECS), ({"busy": True, "write_paused": True}, 30.0)],
)
def test_client_that_exceeds_its_time_is_ended(registry, state, secs):
    slow = registry.accept(**state)
    registry.connections.end_late()
    registry.now += secs
    registry.connections.end_late()
    assert not slow.aborted
    registry.now += 1
    registry.connections.end_late()
    assert slow.aborted


def test_busy_connection_may_take_as_long_as_it_needs(registry):
    busy = registry.accept(busy=True)
    registry.now += 3600
    registry.connections.end_late()
    assert not busy.aborted


def test_kept_connection_has_the_time_of_a_kept_one(registry):
    kept = registry.accept()
    registry.now += HEAD_SECS
    registry.connections.answered(kept)
    registry.now += KEEP_ALIVE_SECS
    registry.connections.end_late()
    assert not kept.aborted


def test_page_may_use_a_quarter_of_the_descriptors(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (8, 8))
    made = Registry()
    busy = [made.accept(busy=True).accepted for _ in range(3)]
    assert busy == [True, True, False]
    for each in made.sockets:
        each.close()


def test_connection_without_a_descriptor_is_refused_once(monkeypatch, caplog):
    listener = PageListener(socket.AF_INET)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    listener.setblocking(False)
    real = socket.socket.accept
    failures = [OSError(errno.EMFILE, "too many open files")]

    def accept(self):
        if failures:
            raise failures.pop()
        return real(self)

    monkeypatch.setattr(socket.socket, "accept", accept)
    with connected(listener.getsockname()[1]) as client:
        with pytest.raises(ConnectionAbortedError):
            listener.accept()
        assert client.recv(1) == b""
        with pytest.raises(BlockingIOError):
            listener.accept()
    listener.close()
    assert len([line for line in caplog.messages if "no file descriptor" in line]) == 1
