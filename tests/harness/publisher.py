"""A fast MQTT 3.1.1 publisher. It writes blocks of PUBLISH packets to a socket, and counts the acknowledgements.

    with Publisher(port) as publisher:
        publisher.publish([("plant/a", b"1")], qos=1)  # returns when the broker has acknowledged all of them

After a lost connection, the publisher reconnects and resends unacknowledged messages, as MQTT 3.1.1 section 4.4
requires. It resends a message with the DUP flag. For a QoS 2 message that the broker has already accepted, it resends
PUBREL. QoS 0 has no acknowledgement: `publish` returns when the kernel has the bytes, so a lost connection may lose
messages.
"""

import argparse
import itertools
import json
import select
import socket
import struct
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from tests.harness import mqtt_frames
from tests.harness.telemetry import telemetry

BLOCK = 500


@dataclass
class Published:
    """Result of one `publish`. `resent` is the number of packets that were sent again after a reconnect."""

    count: int = 0
    seconds: float = 0.0
    resent: int = 0
    reconnections: int = 0

    @property
    def rate(self) -> float:
        return self.count / self.seconds if self.seconds else 0.0


class Publisher:
    """Publisher with at most `window` unacknowledged messages.

    It raises TimeoutError if it neither sends nor receives anything for `patience_secs`. `acknowledged` is the number
    of acknowledgements of all calls of `publish`. Other threads may read it while `publish` runs.
    """

    def __init__(
        self,
        port: int,
        *,
        client_id: str = "publisher",
        window: int = 8_000,
        username: str | None = None,
        password: str = "",
        patience_secs: float = 30,
    ) -> None:
        assert window < 65_535, "there are 65,535 packet ids"
        self._port = port
        self._window = window
        self._patience_secs = patience_secs
        self._connect_frame = mqtt_frames.connect(client_id, username, password)
        self._packet_ids = itertools.cycle(range(1, 65_536))
        self._unacknowledged: dict[int, bytes] = {}
        self._released: set[int] = set()
        self._socket: socket.socket | None = None
        self._connected_before = False
        self.acknowledged = 0
        self._received = b""
        self._to_send = memoryview(b"")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        if self._socket:
            self._socket.close()
            self._socket = None

    def publish(
        self,
        messages: Iterable[tuple[str, bytes]],
        qos: int = 1,
        rate: float | None = None,
        *,
        retain: bool = False,
    ) -> Published:
        """Send all messages and wait for all acknowledgements. `rate` limits the number of messages per second."""
        run = _Run(iter(messages), rate, 0x30 | qos << 1 | retain, Published())
        while not run.exhausted or self._unacknowledged or self._to_send:
            if time.monotonic() - run.moved > self._patience_secs:
                raise TimeoutError(f"{len(self._unacknowledged)} messages unacknowledged, {run.done.count} sent")
            try:
                self._step(run)
            except OSError:
                self.close()
                time.sleep(0.05)
        run.done.seconds = time.monotonic() - run.started
        return run.done

    def _step(self, run):
        if not self._socket:
            self._reconnect(run)
        if not self._to_send:
            self._refill(run)
        if not self._to_send and run.rate is None:
            time.sleep(0.003)  # mosquitto writes each PUBACK separately; wait, so that one read gets several
        assert self._socket
        wants = [self._socket] if self._to_send else []
        readable, writable, _ = select.select([self._socket], wants, [], run.until_due())
        if readable:
            self._read(run)
        if writable:
            self._to_send = self._to_send[self._socket.send(self._to_send) :]
            run.moved = time.monotonic()

    def _refill(self, run):
        """Prepare the next messages that are due and fit into the window, at most one block."""
        room = min(BLOCK, self._window - len(self._unacknowledged), run.due())
        if run.exhausted or room < run.least(self._window):
            return
        messages = list(itertools.islice(run.messages, room))
        run.exhausted = len(messages) < room
        run.done.count += len(messages)
        self._to_send = memoryview(b"".join([self._frame(run, topic, payload) for topic, payload in messages]))

    def _frame(self, run, topic, payload):
        if not run.head & 6:
            return mqtt_frames.publish(run.head, topic, payload)
        packet_id = next(self._packet_ids)
        while packet_id in self._unacknowledged:
            packet_id = next(self._packet_ids)
        frame = mqtt_frames.publish(run.head, topic, payload, packet_id)
        self._unacknowledged[packet_id] = frame
        return frame

    def _read(self, run):
        assert self._socket
        data = self._socket.recv(262_144)
        if not data:
            raise ConnectionError("the broker closed the connection")
        data = self._received + data
        whole = len(data) & ~3
        self._received = data[whole:]
        run.moved = time.monotonic()
        releases = []
        for kind, packet_id in struct.iter_unpack("!HH", data[:whole]):
            if kind in (mqtt_frames.PUBACK, mqtt_frames.PUBCOMP):
                self.acknowledged += self._unacknowledged.pop(packet_id, None) is not None
                self._released.discard(packet_id)
            elif kind == mqtt_frames.PUBREC:
                self._released.add(packet_id)
                releases.append(mqtt_frames.pubrel(packet_id))
            else:
                raise ConnectionError(f"the broker sent {kind:#06x}")
        if releases:
            self._to_send = memoryview(b"".join([self._to_send, *releases]))

    def _reconnect(self, run):
        self._received = b""
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=min(5, self._patience_secs))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(self._connect_frame)
        session_present = self._connack()
        self._socket.setblocking(False)
        if not session_present:
            self._released.clear()
        run.done.reconnections += self._connected_before
        self._connected_before = True
        run.done.resent += len(self._unacknowledged)
        self._to_send = memoryview(b"".join([self._again(*item) for item in self._unacknowledged.items()]))

    def _again(self, packet_id, frame):
        if packet_id in self._released:
            return mqtt_frames.pubrel(packet_id)
        return bytes([frame[0] | mqtt_frames.DUP]) + frame[1:]

    def _connack(self):
        assert self._socket
        answer = b""
        while len(answer) < 4:
            more = self._socket.recv(4 - len(answer))
            if not more:
                raise ConnectionError("the broker closed the connection before CONNACK")
            answer += more
        if answer[3]:
            raise RuntimeError(f"the broker refused the connection: return code {answer[3]}")
        return bool(answer[2] & 1)


class _Run:
    """State of one call of `publish`."""

    def __init__(self, messages, rate, head, done):
        self.messages, self.rate, self.head, self.done = messages, rate, head, done
        self.exhausted = False
        self.started = self.moved = time.monotonic()

    def due(self):
        return BLOCK if self.rate is None else int((time.monotonic() - self.started) * self.rate) - self.done.count + 1

    def least(self, window):
        """Return the minimum number of messages in a write.

        Without a rate, a write for each acknowledgement would need too much CPU.
        """
        return min(BLOCK, window) if self.rate is None else 1

    def until_due(self):
        """Return the seconds to wait for an acknowledgement, or until the next message is due."""
        if self.rate is None or self.exhausted:
            return 0.1
        return min(0.1, max(0.001, self.started + self.done.count / self.rate - time.monotonic()))


def main() -> None:
    """Publish telemetry, and print the result as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.harness.publisher", description=main.__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--first", type=int, default=0, help="the first message's number")
    parser.add_argument("--topics", type=int, default=200)
    parser.add_argument("--qos", type=int, default=1, choices=(0, 1, 2))
    parser.add_argument("--rate", type=float, default=None, help="messages a second; as fast as it goes without")
    parser.add_argument("--window", type=int, default=8_000)
    parser.add_argument("--client-id", default="publisher")
    parser.add_argument("--stamp", action="store_true", help="`ts` is the time of sending, ns since 1970")
    options = parser.parse_args()
    messages = telemetry(
        options.count, topics=options.topics, first=options.first, now=time.time_ns if options.stamp else None
    )
    with Publisher(options.port, client_id=options.client_id, window=options.window) as publisher:
        done = publisher.publish(messages, options.qos, options.rate)
    print(json.dumps(asdict(done) | {"rate": round(done.rate)}))


if __name__ == "__main__":
    main()
