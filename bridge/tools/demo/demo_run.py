"""One run of the demo.

The factory publishes messages, the bridge delivers records, and the demo reads the records back. At the end, the demo
checks that no record is missing. The user can press keys to disconnect and reconnect Kinesis, to publish a bad message,
and to end the demo.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from bridge.tools.demo.broker import HOST
from bridge.tools.demo.factory import Factory
from bridge.tools.demo.message_publisher import MessagePublisher
from bridge.tools.demo.report import ConsumedCounts, final_checks, ledger_table, progress_line, summary, verdict_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.kinesis.local_stream_reader import LocalStreamReader
    from bridge.monitoring.snapshot import Snapshot
    from bridge.runtime.service import Service
    from bridge.tools.demo.broker import Broker
    from bridge.tools.demo.keyboard import Keyboard
    from bridge.tools.demo.local_kinesis import LocalKinesis

TICK_SECS = 0.05
"""Interval in seconds at which the demo publishes new messages of the factory, and reads the keyboard."""
SHOW_SECS = 1.0
SUBSCRIBE_SECS = 15.0
CONFIRM_SECS = 10.0
DRAIN_SECS = 60.0
"""Maximum time for the delivery of the backlog.

After Kinesis was cut off, the bridge may wait up to 30 s before its next attempt.
"""
STOP_SECS = 10.0
CUT = "Kinesis is cut off: records are buffered on disk (press k to connect it)"
CONNECTED = "Kinesis is connected: the bridge delivers the buffered records at its next attempt, within 30 s"


class DemoRun:
    """One run of the demo. One thread calls `play` once, and then `end` once."""

    def __init__(
        self,
        service: Service,
        kinesis: LocalKinesis,
        reader: LocalStreamReader,
        broker: Broker,
        output: Callable[[str], None],
        streams: list[str],
    ) -> None:
        self._service = service
        self._kinesis = kinesis
        self._reader = reader
        self._broker = broker
        self._output = output
        self._streams = streams
        self._read_back = ConsumedCounts()
        self._started_at = time.monotonic()
        self._published = self._unconfirmed = 0

    def play(self, secs: int | None, interrupted: threading.Event, keyboard: Keyboard) -> None:
        """Run the factory for `secs` seconds, or until it is interrupted or the key q is pressed."""
        _wait_for(lambda: self._service.snapshot().subscribed, SUBSCRIBE_SECS, interrupted)
        self._started_at = time.monotonic()
        factory = Factory(started_at=self._started_at, epoch_ms=time.time_ns() // 1_000_000)
        ends_at = self._started_at + secs if secs is not None else float("inf")
        shown_at, received_before = self._started_at, 0
        with MessagePublisher(HOST, self._broker.port, "demo-factory") as publisher:
            while not interrupted.wait(TICK_SECS) and (now := time.monotonic()) < ends_at:
                for event in factory.events(now):
                    publisher.publish(event.topic, event.payload, qos=event.qos, retain=event.retain)
                keys = keyboard.pressed()
                if "q" in keys:
                    break
                self._press(keys, factory, publisher)
                if now - shown_at >= SHOW_SECS:
                    self._read()
                    received_before = self._show(now - shown_at, received_before)
                    shown_at = now
            self._published = publisher.published
            self._unconfirmed = publisher.wait(CONFIRM_SECS)

    def _press(self, keys: str, factory: Factory, publisher: MessagePublisher) -> None:
        for key in keys:
            if key == "k":
                self._kinesis.reachable = not self._kinesis.reachable
                self._output(CONNECTED if self._kinesis.reachable else CUT)
            elif key == "b":
                event = factory.bad_message()
                publisher.publish(event.topic, event.payload, qos=event.qos, retain=event.retain)
                self._output(f"published {event.payload.decode()!r} on {event.topic}: it becomes a dead letter")

    def end(self) -> int:
        """Wait until all published messages are delivered, stop the bridge, and print the final checks.

        Return 0 if all checks pass, otherwise 1.
        """
        self._kinesis.reachable = True
        self._output("the factory has stopped; waiting until all published messages are delivered ...")
        # Do not wait for unacknowledged messages: they may not have reached the broker.
        look, confirmed = self._service.snapshot, self._published - self._unconfirmed
        never = threading.Event()
        _wait_for(lambda: look().received_messages >= confirmed, DRAIN_SECS, never)
        _wait_for(lambda: look().total("spooled") == 0, DRAIN_SECS, never)
        stopped = self._service.stop(STOP_SECS)
        # The reader may not have read all delivered records yet. Read until nothing new arrives.
        while self._read():
            pass
        return self._verdict(self._service.last_snapshot(), stopped)

    def _read(self) -> int:
        """Read the records that arrived in Kinesis since the last call. Return their number."""
        before = self._read_back.total
        if not self._kinesis.reachable:
            return 0
        for stream in self._streams:
            for record in self._reader.read(stream):
                self._read_back.add(record)
        self._kinesis.forget(self._read_back.last)
        return self._read_back.total - before

    def _show(self, secs: float, received_before: int) -> int:
        """Print a line about the last `secs` seconds. Return the total number of received messages."""
        snapshot, elapsed_secs = self._service.snapshot(), time.monotonic() - self._started_at
        rate = (snapshot.received_messages - received_before) / secs
        self._output(progress_line(snapshot, elapsed_secs, rate))
        return snapshot.received_messages

    def _verdict(self, snapshot: Snapshot, stopped: bool) -> int:
        self._output(ledger_table(snapshot))
        self._output(summary(snapshot))
        found = final_checks(snapshot, self._published, self._read_back.total, stopped)
        for check, passed in found.items():
            self._output(f"{'✓' if passed else '✗ FAILED:'} {check}")
        self._output(verdict_line(found))
        return 0 if all(found.values()) else 1


def _wait_for(done: Callable[[], bool], secs: float, interrupted: threading.Event) -> None:
    deadline = time.monotonic() + secs
    while not done() and time.monotonic() < deadline and not interrupted.wait(0.1):
        pass
