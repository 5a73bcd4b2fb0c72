"""A broker on 127.0.0.1 with scripted responses, for cases that no real broker can produce."""

import contextlib
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass, field

from tests.mqtt import packets


class Session:
    """One connection, on the broker's thread."""

    def __init__(self, connection):
        self.connection = connection
        self._held = b""

    def receive(self):
        """Return (first byte, body) of the next packet. Raise ConnectionError at the end."""
        first, length, shift = self._bytes(1)[0], 0, 0
        while True:
            byte = self._bytes(1)[0]
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return first, self._bytes(length)

    def send(self, *data):
        self.connection.sendall(b"".join(data))

    def accept(self, **options):
        """Read CONNECT and send CONNACK in the requested version. Return whether that is version 5."""
        _, body = self.receive()
        version_5 = body[6] == 5
        self.send(packets.connack(version_5=version_5, **options))
        return version_5

    def until_closed(self):
        with contextlib.suppress(OSError):
            while self.connection.recv(4096):
                pass

    def _bytes(self, count):
        while len(self._held) < count:
            data = self.connection.recv(65_536)
            if not data:
                raise ConnectionResetError
            self._held += data
        data, self._held = self._held[:count], self._held[count:]
        return data


class ScriptedBroker:
    """Each connection runs the next script (the last one again and again); a script that returns closes."""

    def __init__(self, *scripts):
        self._scripts = deque(scripts)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.accepted = 0
        self._connections = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                self.accepted += 1
                self._connections.append(connection)
                script = self._scripts.popleft() if len(self._scripts) > 1 else self._scripts[0]
                with connection, contextlib.suppress(OSError):
                    script(Session(connection))


def granting(*answers, then=b""):
    """Answer each SUBSCRIBE with the next codes, the last again and again, and then send `then`."""

    def script(session):
        version_5 = session.accept()
        codes = list(answers)
        while True:
            first, body = session.receive()
            if first == 0x82:
                answer = codes.pop(0) if len(codes) > 1 else codes[0]
                session.send(packets.suback(int.from_bytes(body[:2]), *answer, version_5=version_5), then)
            elif first == 0xC0:
                session.send(packets.PINGRESP)

    return script


@dataclass
class FilterBroker:
    """Script of a broker that decides by filter. All connections share it, so that it can be looked at and changed.

    `codes`: filter → reason code, else the requested QoS. `ends`: filter → bytes that are sent before the connection is
    closed instead of a SUBACK. `silent`: filters whose SUBSCRIBE, or UNSUBSCRIBE, has no response.
    """

    codes: dict = field(default_factory=dict)
    ends: dict = field(default_factory=dict)
    silent: set = field(default_factory=set)
    unsuback_codes: dict = field(default_factory=dict)
    connack: dict = field(default_factory=dict)
    """Options of `packets.connack`."""
    round_trip_secs: float = 0.0
    then: bytes = b""
    """Sent after each SUBACK."""
    refuses_5: bool = False
    subscribes: list = field(default_factory=list)
    """(filter, QoS, identifier) of each SUBSCRIBE packet, in lists."""
    unsubscribes: list = field(default_factory=list)
    packet_bytes: list = field(default_factory=list)
    received: list = field(default_factory=list)
    """First byte of each packet after CONNECT."""

    def __call__(self, session):
        time.sleep(self.round_trip_secs)
        _, body = session.receive()
        version_5 = body[6] == 5
        if version_5 and self.refuses_5:
            session.send(packets.connack(version_5=True, code=0x84))
            return
        options = self.connack if version_5 else {**self.connack, "properties": b""}
        session.send(packets.connack(version_5=version_5, **options))
        while self._respond(session, version_5):
            pass

    def _respond(self, session, version_5):
        first, body = session.receive()
        self.received.append(first)
        self.packet_bytes.append(len(body) + 2)
        if self.round_trip_secs:
            time.sleep(self.round_trip_secs)
        if first == 0x82:
            return self._suback(session, body, version_5)
        if first == 0xA2:
            self._unsuback(session, body, version_5)
        elif first == 0xC0:
            session.send(packets.PINGRESP)
        return first != 0xE0

    def _suback(self, session, body, version_5):
        asked = packets.subscribed(body, version_5=version_5)
        self.subscribes.append(asked)
        for text, _, _ in asked:
            if text in self.ends:
                session.send(self.ends[text])
                return False
        if not any(text in self.silent for text, _, _ in asked):
            codes = [self.codes.get(text, qos) for text, qos, _ in asked]
            session.send(packets.suback(int.from_bytes(body[:2]), *codes, version_5=version_5), self.then)
        return True

    def _unsuback(self, session, body, version_5):
        asked = packets.unsubscribed(body, version_5=version_5)
        self.unsubscribes.append(asked)
        if not any(text in self.silent for text in asked):
            codes = [self.unsuback_codes.get(text, 0) for text in asked]
            session.send(packets.unsuback(int.from_bytes(body[:2]), *codes, version_5=version_5))

    def filters(self):
        """All filters that were requested, in order."""
        return [text for packet in self.subscribes for text, _, _ in packet]
