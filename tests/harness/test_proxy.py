import contextlib
import socket
import threading
import time

import pytest

from tests.harness.mosquitto import Mosquitto
from tests.harness.network import free_port
from tests.harness.proxy import Proxy
from tests.harness.publisher import Publisher
from tests.harness.subscriber import Subscriber


@pytest.fixture
def echo():
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def serve(server):
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def answer(connection):
    with connection:
        try:
            while data := connection.recv(65_536):
                connection.sendall(data)
        except ConnectionError:
            pass


@pytest.fixture
def proxy(echo):
    with Proxy(echo) as proxy:
        yield proxy


def connect(proxy):
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def ask(connection, data=b"hello"):
    connection.sendall(data)
    return connection.recv(len(data))


def test_proxy_passes_bytes_both_ways(proxy):
    with connect(proxy) as connection:
        assert ask(connection) == b"hello"


def test_closed_connection_is_closed_on_the_other_side(proxy):
    with connect(proxy) as connection:
        ask(connection)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""


def test_hang_holds_everything_back_until_it_heals(proxy):
    with connect(proxy) as connection:
        ask(connection)
        proxy.hang()
        connection.sendall(b"later")
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(5)
        proxy.heal()
        connection.settimeout(5)
        assert connection.recv(5) == b"later"


def test_new_connection_during_a_hang_gets_no_answer(proxy):
    proxy.hang()
    with connect(proxy) as connection:
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            ask(connection)


def test_reset_ends_open_connections_and_takes_new_ones(proxy):
    with connect(proxy) as connection:
        ask(connection)
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    with connect(proxy) as connection:
        assert ask(connection) == b"hello"


def test_cut_refuses_connections_until_it_heals(proxy):
    with connect(proxy) as connection:
        ask(connection)
        proxy.cut()
        assert connection.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    proxy.heal()
    with connect(proxy) as connection:
        assert ask(connection) == b"hello"


def test_proxy_to_nothing_closes_the_connection():
    with Proxy(free_port()) as proxy, connect(proxy) as connection:
        assert ask(connection) == b""


def test_answer_of_its_own_ends_the_connection(echo):
    with Proxy(echo, answer=lambda first: b"no" if first == b"may I" else None) as proxy:
        with connect(proxy) as connection:
            assert ask(connection, b"may I") == b"no"
            assert connection.recv(1) == b""
        with connect(proxy) as connection:
            assert ask(connection) == b"hello"


def test_hung_proxy_is_left_at_once(echo):
    with Proxy(echo) as proxy, connect(proxy) as connection:
        ask(connection)
        proxy.hang()
        connection.sendall(b"never")
        left = time.monotonic()
    assert time.monotonic() - left < 30


def test_proxy_counts_connections(proxy):
    with connect(proxy) as one, connect(proxy) as two:
        ask(one)
        ask(two)
        assert (proxy.accepted, proxy.connections) == (2, 2)


def test_publisher_continues_where_a_reset_broke_off():
    messages = [(f"plant/{number}", b"%d" % number) for number in range(3_000)]
    with Mosquitto() as broker, Proxy(broker.port) as proxy, Subscriber(broker.port, qos=2) as subscriber:
        threading.Timer(0.3, proxy.reset).start()
        with Publisher(proxy.port) as publisher:
            done = publisher.publish(messages, 1, rate=4_000)
        assert done.reconnections == 1
        while set(received := list(subscriber.messages)) != set(messages):
            subscriber.wait_for(len(received) + 1)


def test_slow_link_delays_each_block_in_both_directions(proxy):
    with connect(proxy) as connection:
        ask(connection)
        proxy.slow(0.1)
        start = time.monotonic()
        assert ask(connection) == b"hello"
        assert time.monotonic() - start >= 0.2
        proxy.heal()
        assert ask(connection) == b"hello"


def test_stop_closes_also_connections_that_begin_at_this_time():
    with socket.create_server(("127.0.0.1", 0)) as target, contextlib.ExitStack() as clients:
        ended = []
        for _ in range(20):
            with Proxy(target.getsockname()[1]) as proxy:
                some = [socket.create_connection(("127.0.0.1", proxy.port), timeout=20) for _ in range(4)]
                ended += [clients.enter_context(each) for each in some]
        for client in ended:
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(1) == b""
