import contextlib
import itertools
import socket
import threading

import pytest

from tests.faults.thin_links.proxy import HEADER_BYTES, MADE_UP_SECS, RESET, SEGMENT_BYTES, LinkProxy, Pacer, wire_bytes


def test_pacer_lets_connections_share_one_rate():
    now = [0.0]
    pacer = Pacer(1_000, clock=lambda: now[0])
    assert [pacer.reserve(500), pacer.reserve(500)] == [0.5, 1.0]
    now[0] = 0.75
    assert pacer.reserve(1_000) == pytest.approx(1.25)
    assert pacer.passed == 2_000


def test_pacer_makes_up_for_a_late_call_and_saves_nothing_else_up():
    now = [0.0]
    pacer = Pacer(1_000, clock=lambda: now[0])
    pacer.reserve(1_000)
    now[0] = 1.05
    assert pacer.reserve(1_000) == pytest.approx(0.95)
    now[0] = 100.0
    assert pacer.reserve(1_000) == pytest.approx(1.0 - MADE_UP_SECS)


def test_pacer_follows_a_changed_rate():
    pacer = Pacer(1_000, clock=lambda: 0.0)
    pacer.reserve(1_000)
    pacer.rate = 100
    assert pacer.reserve(100) == pytest.approx(2.0)


def test_wire_bytes_of_a_full_segment_include_its_headers():
    assert wire_bytes(SEGMENT_BYTES) == pytest.approx(SEGMENT_BYTES + HEADER_BYTES)


def received_from(connection):
    """Return all bytes until the other side has ended its output."""
    return b"".join(iter(lambda: connection.recv(65_536), b""))


@contextlib.contextmanager
def echo_server():
    """Server that sends all bytes back when its client has ended its output. The fixture is its port."""

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(received_from(connection))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(20)


@pytest.mark.parametrize("delay_secs", [0.0, 0.05])
def test_proxy_forwards_all_bytes_in_order_both_ways_and_counts_them(delay_secs):
    sent = bytes(itertools.islice(itertools.cycle(range(251)), 300_000))
    with echo_server() as port, LinkProxy(port, rate=3_000_000, delay_secs=delay_secs) as link:
        with socket.create_connection(("127.0.0.1", link.port), timeout=60) as client:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            received = received_from(client)
        assert received == sent
        assert link.sent_up == pytest.approx(wire_bytes(len(sent)), abs=1)


def test_proxy_ends_the_connection_where_nothing_listens():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with LinkProxy(port, rate=1_000) as link:
        # The proxy may reset the connection before `create_connection` returns.
        with (
            contextlib.suppress(ConnectionResetError),
            socket.create_connection(("127.0.0.1", link.port), timeout=60) as client,
        ):
            assert received_from(client) == b""
        assert link.sent_up == 0


def test_proxy_passes_a_reset_on():
    with socket.create_server(("127.0.0.1", 0)) as server, LinkProxy(server.getsockname()[1], rate=1e6) as link:
        client = socket.create_connection(("127.0.0.1", link.port), timeout=60)
        client.sendall(b"begun")
        accepted, _ = server.accept()
        with accepted:
            accepted.settimeout(60)
            assert accepted.recv(5) == b"begun"
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
            with pytest.raises(ConnectionResetError):
                accepted.recv(1)
