import socket

from bridge.tools.demo.instructions import page_listener


def test_page_listener_of_each_demo_keeps_a_port_of_its_own():
    with page_listener() as first, page_listener() as second:
        assert first.getsockname()[1] != second.getsockname()[1]


def test_page_listener_uses_any_port_where_the_first_ones_are_taken(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr("bridge.tools.demo.instructions._FIRST_PORT", taken.getsockname()[1])
        monkeypatch.setattr("bridge.tools.demo.instructions._PORTS", 1)
        with page_listener() as listener:
            assert listener.getsockname()[1] != taken.getsockname()[1]
