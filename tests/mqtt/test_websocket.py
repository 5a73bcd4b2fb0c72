import ssl
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.mqtt.websocket import WebSocket, WebSocketClosed
from tests.mqtt import packets
from tests.mqtt.fake_socket import FakeSocket
from tests.mqtt.polling import payloads, poll_until, poll_until_subscribed, subscriber
from tests.mqtt.scripted_broker import ScriptedBroker
from tests.mqtt.websocket_server import BINARY, CLOSE, PING, PONG, WebSocketSession, frame, masked, response


class Upgrading(FakeSocket):
    """Answers the upgrade with `answer`, and has `blocks` to read afterwards."""

    def __init__(self, *blocks, answer=response):
        super().__init__(*blocks)
        self._answer = answer

    def recv(self, size):
        if self._answer is not None:
            if callable(self._answer):
                self._answer = self._answer(bytes(self.sent))
                self.sent.clear()
            block, self._answer = self._answer[:size], self._answer[size:] or None
            return block
        return super().recv(size)


def connected(*blocks, **options):
    socket = Upgrading(*blocks, **options)
    return WebSocket(socket, "broker:80", "/mqtt", timeout_secs=5.0), socket


def read_all(websocket):
    found = b""
    with suppress(BlockingIOError):
        while data := websocket.recv(100_000):
            found += data
    return found


# -- the upgrade


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "HTTP 403; the server in front of the broker does not permit"),
        (b"HTTP/1.1 404 Not Found\r\nServer: x\r\n\r\n", "HTTP 404; check the path in mqtt.url"),
        (b"HTTP/1.1 503 Unavailable\r\n\r\n", "HTTP 503; the proxy cannot reach the broker"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "the WebSocket upgrade was refused: HTTP 200"),
        (b"\x20\x02\x00\x00\r\n\r\n", "the response is not HTTP but"),
        (lambda request: response(request, accept="AAAA"), "wrong Sec-WebSocket-Accept"),
        (b"x" * 70_000, "no complete HTTP response"),
    ],
)
def test_refused_upgrade_shows_the_status_and_what_to_do(answer, words):
    with pytest.raises(OSError, match=words.replace("(", r"\(")):
        connected(answer=answer if callable(answer) else lambda _request: answer)


def test_upgrade_that_ends_early_reports_it():
    with ScriptedBroker(lambda session: session.connection.recv(10)) as broker:
        at = subscriber(broker.port, scheme="ws")
        poll_until(at, lambda _: at.state().problem)
        assert "cannot connect to ws://" in at.state().problem
        at.close()


def test_payload_that_arrives_with_the_response_is_read():
    websocket, _ = connected(answer=lambda request: response(request) + frame(BINARY, b"early"))
    assert websocket.pending() == 0  # nothing has been read yet, so the descriptor decides
    assert read_all(websocket) == b"early"


# -- frames


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.binary(max_size=300), max_size=4),
    st.integers(1, 700),
    st.sampled_from([b"", b"abcd"]),
)
def test_frames_are_joined_wherever_the_stream_is_cut(parts, size, mask):
    frames = [
        frame(BINARY if not number else 0, part, final=False, mask=mask) + frame(PING, b"p", mask=mask)
        for number, part in enumerate(parts)
    ]
    stream = b"".join(frames)
    websocket, socket = connected(*[stream[at : at + size] for at in range(0, len(stream), size)])
    found = b""
    while socket.blocks:
        found += read_all(websocket)
    assert found == b"".join(parts)


@pytest.mark.parametrize("length", [65_535, 65_536, 300_000])
def test_large_frame_is_read_in_parts(length):
    data = bytes(number % 251 for number in range(length))
    stream = frame(BINARY, data, mask=b"wxyz")
    websocket, _ = connected(*[stream[at : at + 9_999] for at in range(0, len(stream), 9_999)])
    assert websocket.recv(100_000) == data[: 9_999 - (len(stream) - length)]
    assert read_all(websocket) == data[9_999 - (len(stream) - length) :]


def test_ping_is_answered_with_a_masked_pong_of_the_same_payload():
    websocket, socket = connected(frame(PING, b"still there?") + frame(BINARY, b"data"))
    assert read_all(websocket) == b"data"
    assert socket.sent[0] == 0x80 | PONG
    assert socket.sent[1] == 0x80 | 12
    assert masked(bytes(socket.sent[6:]), bytes(socket.sent[2:6])) == b"still there?"


@pytest.mark.parametrize(
    ("payload", "words", "explained"),
    [
        ((1008).to_bytes(2) + b"not allowed", "the server closed the WebSocket, code 1008: not allowed", True),
        ((1000).to_bytes(2), "the server closed the WebSocket, code 1000", False),
        (b"", "the server closed the WebSocket, code 1005", False),
    ],
)
def test_close_shows_its_code_and_reason_after_the_data_before(payload, words, explained):
    websocket, socket = connected(frame(BINARY, b"last") + frame(CLOSE, payload))
    assert websocket.recv(100) == b"last"
    assert websocket.pending()
    with pytest.raises(WebSocketClosed) as end:
        websocket.recv(100)
    assert (str(end.value), end.value.explained) == (words, explained)
    assert socket.sent[0] == 0x80 | CLOSE


@pytest.mark.parametrize("bad", [frame(0x1, b"text"), frame(0x3, b""), frame(PING, bytes(126))])
def test_frame_that_mqtt_does_not_permit_ends_the_connection(bad):
    websocket, _ = connected(bad)
    with pytest.raises(ConnectionError, match="a WebSocket frame that MQTT does not permit"):
        websocket.recv(1000)


@pytest.mark.parametrize("size", [1, 125, 126, 65_535, 65_536, 200_000])
def test_sent_data_is_one_masked_frame_however_the_socket_cuts_it(size):
    data = bytes(number % 251 for number in range(size))
    websocket, socket = connected()
    socket.takes = [3, 0, size // 2, 0]
    sent = 0
    while not sent:
        with suppress(BlockingIOError):
            sent = websocket.send(data)
    assert sent == size
    head = len(socket.sent) - size
    assert masked(bytes(socket.sent[head:]), bytes(socket.sent[head - 4 : head])) == data


def test_pong_waits_for_the_end_of_a_frame_that_is_sent_in_part():
    websocket, socket = connected(frame(PING, b"p"))
    socket.takes = [5, 0, 0]
    with pytest.raises(BlockingIOError):
        websocket.send(b"0123456789")
    assert read_all(websocket) == b""
    assert websocket.send(b"0123456789 and more") == 10
    assert socket.sent[16] == 0x80 | PONG


def test_flood_of_pings_without_reading_is_bounded():
    pings = frame(PING, b"x" * 125) * 10_000
    websocket, socket = connected(*(pings[at : at + 65_536] for at in range(0, len(pings), 65_536)))
    socket.takes = [0] * 20_000
    while socket.blocks:
        with suppress(BlockingIOError):
            websocket.recv(65_536)
    socket.takes = []
    websocket.send(b"x")
    assert len(socket.sent) < 300_000


def test_partial_frame_does_not_keep_the_thread_awake():
    websocket, _ = connected(frame(BINARY, b"data")[:1])
    assert read_all(websocket) == b""
    assert websocket.pending() == 0


def test_tls_that_needs_to_read_is_no_end():
    class Wanting(Upgrading):
        def recv(self, size):
            if self._answer is None:
                raise ssl.SSLWantReadError
            return super().recv(size)

    websocket = WebSocket(Wanting(), "broker", "/mqtt", timeout_secs=5.0)
    with pytest.raises(ssl.SSLWantReadError):
        websocket.recv(10)


# -- the session


def test_session_survives_every_ping_of_the_server():
    def pinging(session):
        websocket = WebSocketSession(session)
        websocket.mqtt()
        for number in range(5):
            websocket.send(PING, b"%d" % number)
            while websocket.receive() != (PONG, b"%d" % number):
                pass
        websocket.send(BINARY, packets.publish("plant/a", b"after", properties=b""))
        with suppress(OSError):
            while websocket.receive()[0] != CLOSE:
                pass

    with ScriptedBroker(pinging) as broker:
        at = subscriber(broker.port, scheme="ws")
        assert payloads(poll_until(at, len)) == [b"after"]
        assert at.connections == 1
        at.close()


@pytest.mark.parametrize(("code", "unstable"), [(1008, False), (1011, False), (1000, True)])
def test_close_code_decides_whether_the_end_is_explained(code, unstable):
    def closing(session):
        websocket = WebSocketSession(session)
        websocket.mqtt()
        session.connection.settimeout(0.2)
        with suppress(OSError):
            while True:
                websocket.receive()
        session.connection.settimeout(None)
        websocket.send(CLOSE, code.to_bytes(2))
        websocket.receive()

    with ScriptedBroker(closing) as broker:
        at = subscriber(broker.port, scheme="ws")
        poll_until(at, lambda _: at.connections >= 4 and at.state().problem, secs=30)
        poll_until(at, lambda _: f"the server closed the WebSocket, code {code}" in at.state().problem)
        assert bool(at.state().unstable) == unstable
        assert at.state().conflict == ""
        at.close()


def test_request_names_host_path_and_protocol():
    requests = []

    def script(session):
        requests.append(WebSocketSession(session).request.decode())

    with ScriptedBroker(script) as broker:
        at = subscriber(broker.port, scheme="ws")
        poll_until(at, lambda _: requests)
        at.close()
    assert requests[0].startswith(f"GET /mqtt HTTP/1.1\r\nHost: 127.0.0.1:{broker.port}\r\n")
    assert "Sec-WebSocket-Protocol: mqtt\r\n" in requests[0]


def test_subscribed_over_websocket():
    with ScriptedBroker(lambda session: (WebSocketSession(session).mqtt(), session.until_closed())) as broker:
        at = subscriber(broker.port, scheme="ws")
        poll_until_subscribed(at)
        at.close()
