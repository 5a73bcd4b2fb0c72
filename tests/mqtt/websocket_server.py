"""The server's side of a WebSocket, for a `Session` of the scripted broker."""

import base64
import hashlib

from tests.mqtt import packets

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
BINARY, CLOSE, PING, PONG = 0x2, 0x8, 0x9, 0xA


def frame(opcode, payload=b"", *, final=True, mask=b""):
    length = len(payload)
    head = bytes([0x80 * final | opcode])
    bit = 0x80 if mask else 0
    if length < 126:
        head += bytes([bit | length])
    elif length < 65_536:
        head += bytes([bit | 126]) + length.to_bytes(2)
    else:
        head += bytes([bit | 127]) + length.to_bytes(8)
    return head + mask + masked(payload, mask)


def masked(payload, mask):
    return bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload)) if mask else payload


def response(request, *, status="101 Switching Protocols", accept=None):
    key = next(line.split(": ")[1] for line in request.decode().split("\r\n") if line.startswith("Sec-WebSocket-Key"))
    accept = accept or base64.b64encode(hashlib.sha1(f"{key}{GUID}".encode()).digest()).decode()
    head = f"HTTP/1.1 {status}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nsec-websocket-accept: {accept}\r\n\r\n"
    return head.encode()


class WebSocketSession:
    """Upgrades a session, and sends and receives frames. `received` has every frame: (opcode, payload)."""

    def __init__(self, session):
        self.session = session
        self.received = []
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += session._bytes(1)
        self.request = request
        session.send(response(request))

    def send(self, opcode, payload=b"", **options):
        self.session.send(frame(opcode, payload, **options))

    def receive(self):
        """(opcode, payload) of the next frame, which must be masked."""
        first, second = self.session._bytes(2)
        assert second & 0x80, "a client masks every frame"
        length = second & 0x7F
        if length > 125:
            length = int.from_bytes(self.session._bytes(2 if length == 126 else 8))
        mask = self.session._bytes(4)
        self.received.append((first & 0x0F, masked(self.session._bytes(length), mask)))
        return self.received[-1]

    def mqtt(self):
        """Accept the connection and one SUBSCRIBE."""
        self.receive()
        self.send(BINARY, packets.connack())
        _, data = self.receive()
        self.send(BINARY, packets.suback(int.from_bytes(data[2:4]), 1))
