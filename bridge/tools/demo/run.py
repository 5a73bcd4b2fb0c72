"""Sequence of the demo: start a broker, a Kinesis and the bridge; run the factory; stop everything."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.aws.credentials import Authentication
from bridge.config import load_settings
from bridge.errors import BridgeError
from bridge.kinesis.publisher import PublisherSettings
from bridge.kinesis.stream_reader import StreamReader
from bridge.runtime.assembly import assemble
from bridge.runtime.exit_codes import INTERRUPTED
from bridge.runtime.log_setup import set_up_logging
from bridge.tools.demo.broker import HOST, find_mosquitto, start_broker
from bridge.tools.demo.demo_run import DemoRun
from bridge.tools.demo.local_kinesis import REGION, SHARDS, LocalKinesis, without_surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.runtime.service import Service
    from bridge.tools.demo.broker import Broker

_TOKEN = {"access_key_id": "demo", "secret_access_key": "demo"}


def run_demo(secs: int | None, output: Callable[[str], None]) -> int:
    """Run the demo for `secs` seconds, or until Ctrl-C. `output` prints a line, or several.

    Return 0 if the ledger is balanced and Kinesis contains the records that the bridge reports as delivered.
    """
    set_up_logging("text", "error")
    mappings = mappings_folder()
    leave: list[Callable[[], None]] = []
    with contextlib.ExitStack() as stack, interrupts(leave) as interrupted:
        stack.enter_context(without_surroundings())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mqtt-kinesis-demo-")))
        leave.append(lambda: shutil.rmtree(folder, ignore_errors=True))
        output("starting a broker, a Kinesis and the bridge on this machine ...")
        broker = start_broker(folder, find_mosquitto())
        stack.callback(broker.stop)
        leave.append(broker.kill)
        kinesis = LocalKinesis()
        stack.callback(kinesis.stop)
        service = _bridge(folder, mappings, broker, kinesis.url)
        streams = sorted({output.data_stream for each in service.mappings.routes.mappings for output in each.outputs})
        reader = StreamReader(PublisherSettings(REGION, Authentication("token", _TOKEN), endpoint_url=kinesis.url))
        reader.create(dict.fromkeys(streams, SHARDS))
        service.start()
        output(f"{broker.name} -> bridge -> local Kinesis; status page: {service.page_url} (Ctrl-C ends the demo)")
        show = DemoRun(service, kinesis, reader, broker, output, streams)
        show.play(secs, interrupted)
        return show.end()


def mappings_folder() -> Path:
    """Return the folder of the example mappings. Raise BridgeError if the program was installed without them."""
    folder = Path(__file__).resolve().parents[3] / "mappings"
    if not folder.is_dir():
        raise BridgeError(
            f"the demo needs the example mappings, and there is no {folder}: run it from a source checkout"
        )
    return folder


@contextlib.contextmanager
def interrupts(leave: list[Callable[[], None]]) -> Iterator[threading.Event]:
    """Turn Ctrl-C and SIGTERM into an event. The second one calls the functions in `leave`, and ends the process."""
    asked = threading.Event()
    reader, writer = os.pipe()

    def note(_number: int, _frame: object) -> None:
        if asked.is_set():
            for last_act in leave:
                last_act()
            os._exit(INTERRUPTED)
        # A handler must not set the event: the interrupted line may hold the event's lock. A thread of its own can.
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
mappings: {json.dumps(str(mappings))}
http: {{listen: "127.0.0.1:0"}}
""",
        encoding="utf-8",
    )
    return assemble(load_settings(file, {}))
