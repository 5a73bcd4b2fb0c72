"""Base class of the packet stream and the WebSocket."""

import socket

from bridge.mqtt.byte_stream import ByteStream
from tests.mqtt.fake_socket import FakeSocket


class Stream(ByteStream):
    def __init__(self, sock):
        self._sock = sock


class TlsSocket(FakeSocket):
    def pending(self):
        return 17


def test_stream_pending_is_zero_for_a_socket_without_tls():
    assert Stream(FakeSocket()).pending() == 0


def test_stream_pending_counts_bytes_through_two_layers():
    # wss:// has a packet stream over a WebSocket over a TLS socket. Bytes that TLS has decrypted do not wake `poll`.
    assert Stream(Stream(TlsSocket())).pending() == 17


def test_stream_uses_the_descriptor_and_the_blocking_mode_of_its_socket():
    ours, peer = socket.socketpair()
    with peer:
        stream = Stream(ours)
        assert stream.fileno() == ours.fileno()
        stream.setblocking(False)
        assert not ours.getblocking()
        stream.close()
        assert stream.fileno() == -1
        assert peer.recv(1) == b""
