import contextlib
import socket

import pytest

from bridge.aws.transport.tcp_state import min_round_trip_secs, unacknowledged_bytes
from tests.harness.prerequisites import require_linux


@pytest.fixture(autouse=True)
def _linux():
    require_linux()


@pytest.fixture
def pair():
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        client = sockets.enter_context(socket.create_connection(listener.getsockname()))
        yield client, sockets.enter_context(listener.accept()[0])


def test_unacknowledged_bytes_are_those_that_the_peer_has_no_room_for(pair):
    client, server = pair
    client.sendall(b"x" * 1_000_000)
    assert 900_000 < unacknowledged_bytes(client.fileno()) <= 1_000_000
    received = 0
    while received < 1_000_000:
        received += len(server.recv(65536))
    assert unacknowledged_bytes(client.fileno()) == 0


def test_unacknowledged_bytes_of_a_closed_socket_are_not_known():
    sock = socket.socket()
    descriptor = sock.fileno()
    sock.close()
    assert unacknowledged_bytes(descriptor) is None


def test_round_trip_of_a_connection_is_known(pair):
    client, server = pair
    client.sendall(b"x")
    server.recv(1)
    assert 0 < min_round_trip_secs(client) < 10


def test_round_trip_of_a_socket_without_a_connection_is_not_known():
    with socket.socket(socket.AF_UNIX) as sock:
        assert min_round_trip_secs(sock) is None
