"""The demo's way: start a broker, a Kinesis, the bridge and a factory; show what happens; stop; check the books."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.assembly import assemble
from bridge.config import load_settings
from bridge.demo.broker import HOST, find_mosquitto, start_broker
from bridge.demo.factory import Factory
from bridge.demo.kinesis import REGION, SHARDS, LocalKinesis
from bridge.demo.view import Scene, View, summary
from bridge.errors import BridgeError
from bridge.kinesis.client import PublisherSettings
from bridge.kinesis.credentials import Authentication
from bridge.kinesis.reader import StreamReader
from bridge.logs import set_up_logging
from bridge.mqtt.publisher import MessagePublisher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from bridge.demo.broker import Broker
    from bridge.service import Service

log = logging.getLogger(__name__)

INTERRUPTED = 130
TICK_SECS = 0.05
SHOW_SECS = 1.0
DRAIN_SECS = 20.0
STOP_SECS = 10.0
_TOKEN = {"access_key_id": "demo", "secret_access_key": "demo"}


def run_demo(secs: int | None, console: Console) -> int:
    """Until Ctrl-C, or for so many seconds. 0 if the books balance and Kinesis holds what the bridge says it has."""
    set_up_logging("text", "error")
    mappings = mappings_folder()
    children: list[Broker] = []
    with contextlib.ExitStack() as stack, interrupts(children) as interrupted:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mqtt-kinesis-demo-")))
        console.print("starting a broker, a Kinesis and the bridge on this machine ...", highlight=False)
        broker = start_broker(folder, find_mosquitto())
        stack.callback(broker.stop)
        children.append(broker)
        kinesis = LocalKinesis()
        stack.callback(kinesis.stop)
        service = _bridge(folder, mappings, broker, kinesis.url)
        streams = sorted({output.data_stream for each in service.mappings.routes.mappings for output in each.outputs})
        reader = StreamReader(PublisherSettings(REGION, Authentication("token", _TOKEN), endpoint_url=kinesis.url))
        reader.create(dict.fromkeys(streams, SHARDS))
        service.start()
        show = Show(service, reader, broker, console, streams)
        show.play(secs, interrupted)
        return show.end()


def mappings_folder() -> Path:
    """The example mappings beside this program. Raises BridgeError where it was installed without them."""
    folder = Path(__file__).resolve().parents[2] / "mappings"
    if not folder.is_dir():
        raise BridgeError(
            f"the demo needs the example mappings, and there is no {folder}: run it from a source checkout"
        )
    return folder


@contextlib.contextmanager
def interrupts(children: list[Broker]) -> Iterator[threading.Event]:
    """Ctrl-C and SIGTERM as an event; the second one ends the process at once, and its children with it."""
    asked = threading.Event()
    reader, writer = os.pipe()

    def note(_number: int, _frame: object) -> None:
        if asked.is_set():
            for child in children:
                child.kill()
            os._exit(INTERRUPTED)
        # Setting an event in a handler could meet the lock that the interrupted line holds; a thread of its own cannot.
        os.write(writer, b"\0")

    def relay() -> None:
        if os.read(reader, 1):
            asked.set()

    thread = threading.Thread(target=relay, name="interrupts", daemon=True)
    thread.start()
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(writer)
        thread.join(1)
        os.close(reader)


def _bridge(folder: Path, mappings: Path, broker: Broker, kinesis_url: str) -> Service:
    file = folder / "bridge.yaml"
    file.write_text(
        f"""mqtt: {{url: "mqtt://{HOST}:{broker.port}", client_id: demo, protocol: "{broker.protocol}"}}
kinesis:
  region: {REGION}
  endpoint_url: {kinesis_url}
  authentication: {{type: token, access_key_id: {_TOKEN["access_key_id"]}, secret_access_key: demo}}
  requests_in_flight: 2
mappings: "{mappings}"
http: null
""",
        encoding="utf-8",
    )
    return assemble(load_settings(file, {}))


class Show:
    """The factory publishes, the view shows, the reader reads back."""

    def __init__(
        self, service: Service, reader: StreamReader, broker: Broker, console: Console, streams: list[str]
    ) -> None:
        self._service = service
        self._reader = reader
        self._broker = broker
        self._console = console
        self._streams = streams
        self._started_at = time.monotonic()
        self._published = self._unconfirmed = 0
        self._scene = self._look()

    def _look(self) -> Scene:
        elapsed = time.monotonic() - self._started_at
        before = getattr(self, "_scene", None)
        scene = Scene(self._service.snapshot(), self._published, elapsed, self._broker.name)
        if before is not None:
            scene.arrived, scene.recent = before.arrived, before.recent
        return scene

    def _read_back(self) -> None:
        for stream in self._streams:
            for record in self._reader.read(stream):
                self._scene.saw(record)

    def play(self, secs: int | None, interrupted: threading.Event) -> None:
        """The factory at work, until it is time or Ctrl-C."""
        self._wait(lambda: self._service.snapshot().subscribed, 15.0)
        factory = Factory(started_at=time.monotonic(), epoch_ms=time.time_ns() // 1_000_000)
        self._started_at = time.monotonic()
        shown_at = 0.0
        with MessagePublisher(HOST, self._broker.port, "demo-factory") as publisher, View(self._console) as view:
            while not interrupted.wait(TICK_SECS):
                now = time.monotonic()
                if secs is not None and now - self._started_at >= secs:
                    break
                for event in factory.events(now):
                    publisher.publish(event.topic, event.payload, qos=event.qos, retain=event.retain)
                self._published = publisher.published
                if now - shown_at >= SHOW_SECS:
                    shown_at = now
                    self._read_back()
                    self._scene = self._look()
                    view.show(self._scene)
            self._unconfirmed = publisher.wait(10.0)

    def end(self) -> int:
        """Let what was published arrive, stop the bridge, compare, and say so."""
        self._console.print("the factory has stopped; letting what it published arrive ...", highlight=False)
        self._wait(
            lambda: self._service.snapshot().received_messages >= self._published - self._unconfirmed, DRAIN_SECS
        )
        self._wait(lambda: self._service.snapshot().total("spooled") == 0, DRAIN_SECS)
        stopped = self._service.stop(STOP_SECS)
        self._read_back()
        self._scene = self._look_at_end()
        return self._verdict(stopped)

    def _look_at_end(self) -> Scene:
        scene = self._scene
        scene.snapshot = self._service.last_snapshot()
        scene.published = self._published
        return scene

    def _wait(self, done: Callable[[], bool], secs: float) -> None:
        pause, deadline = threading.Event(), time.monotonic() + secs
        while not done() and time.monotonic() < deadline:
            pause.wait(0.1)

    def _verdict(self, stopped: bool) -> int:
        scene, snapshot = self._scene, self._scene.snapshot
        delivered, read_back = snapshot.total("delivered"), sum(scene.arrived.values())
        everything = snapshot.received_messages >= self._published
        self._console.print(summary(scene))
        facts = {
            f"published {self._published:,} messages, received {snapshot.received_messages:,}": everything,
            f"delivered {delivered:,} records, read back {read_back:,} from Kinesis": read_back >= delivered,
            f"dead letters: {snapshot.dead_letter_count:,}, each with its raw message and the reason": True,
            "received = delivered + filtered + dead lettered + dropped + spooled: the books balance": snapshot.balanced,
            "everything stopped within its deadline": stopped,
        }
        for fact, holds in facts.items():
            self._console.print(f"{'✓' if holds else '✗ NOT SO:'} {fact}", highlight=False, soft_wrap=True)
        return 0 if all(facts.values()) else 1
