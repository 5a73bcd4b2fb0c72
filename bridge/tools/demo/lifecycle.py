"""Lifecycle of the demo: it starts the broker, Kinesis and the bridge, runs the factory, and stops them all."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.aws.credentials import Authentication
from bridge.config import load_settings
from bridge.config.effective_options import effective_options
from bridge.kinesis.local_stream_reader import LocalStreamReader
from bridge.kinesis.publisher import PublisherSettings
from bridge.runtime.assembly import assemble
from bridge.runtime.exit_codes import INTERRUPTED
from bridge.runtime.log_setup import set_up_logging
from bridge.tools.demo.broker import HOST, find_mosquitto, start_broker
from bridge.tools.demo.demo_run import DemoRun
from bridge.tools.demo.example_mappings import copy_examples
from bridge.tools.demo.instructions import instructions, page_listener
from bridge.tools.demo.keyboard import Keyboard
from bridge.tools.demo.local_kinesis import REGION, SHARDS, LocalKinesis, isolated_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.runtime.service import Service
    from bridge.tools.demo.broker import Broker

_TOKEN = {"access_key_id": "demo", "secret_access_key": "demo"}


def run_demo(secs: int | None, output: Callable[[str], None]) -> int:
    """Run the demo for `secs` seconds, or until Ctrl-C. `output` prints one or several lines.

    Return 0 if the ledger is balanced and Kinesis contains the records that the bridge reports as delivered.
    """
    set_up_logging("text", "error")
    listener = page_listener()
    port = int(listener.getsockname()[1])
    # The token begins with "demo-", because the login form accepts no other token in a link.
    token = f"demo-{secrets.token_urlsafe(16)}"
    output(f"status page: http://{HOST}:{port}/#token={token} (ready in a few seconds)")
    cleanups: list[Callable[[], None]] = []
    # Keep the socket open until the page is served on it. Otherwise another program could bind the port first.
    with listener, contextlib.ExitStack() as stack, interrupts(cleanups) as interrupted:
        stack.enter_context(isolated_environment())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mqtt-kinesis-demo-")))
        # The second Ctrl-C calls `os._exit`, which skips the exit stack. So each step also adds its clean-up function
        # to `cleanups`.
        cleanups.append(lambda: shutil.rmtree(folder, ignore_errors=True))
        broker = start_broker(folder, find_mosquitto())
        stack.callback(broker.stop)
        cleanups.append(broker.kill)
        kinesis = LocalKinesis()
        stack.callback(kinesis.stop)
        service = _bridge(folder, broker, kinesis.url, port, token)
        streams = sorted({output.data_stream for each in service.mappings.routes.mappings for output in each.outputs})
        reader = LocalStreamReader(PublisherSettings(REGION, Authentication("token", _TOKEN), endpoint_url=kinesis.url))
        reader.create(dict.fromkeys(streams, SHARDS))
        service.serve_page_on(listener)
        service.start()
        show = DemoRun(service, kinesis, reader, broker, output, streams)
        with Keyboard() as keyboard:
            cleanups.append(keyboard.restore)
            output(instructions(folder, broker, keyboard=keyboard.present))
            show.play(secs, interrupted, keyboard)
        return show.end()


@contextlib.contextmanager
def interrupts(cleanups: list[Callable[[], None]]) -> Iterator[threading.Event]:
    """Turn Ctrl-C and SIGTERM into an event. The second signal calls the functions in `cleanups` and ends the process.

    `cleanups` may grow while the context is open.
    """
    interrupted = threading.Event()
    reader, writer = os.pipe()

    def note(_number: int, _frame: object) -> None:
        if interrupted.is_set():
            for clean_up in cleanups:
                clean_up()
            os._exit(INTERRUPTED)
        # The handler must not set the event itself, because the interrupted code may hold the event's lock. So another
        # thread reads the pipe and sets the event.
        os.write(writer, b"\0")

    def relay() -> None:
        if os.read(reader, 1):
            interrupted.set()

    thread = threading.Thread(target=relay, name="interrupts", daemon=True)
    thread.start()
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(writer)
        thread.join(1)
        os.close(reader)


def _bridge(folder: Path, broker: Broker, kinesis_url: str, port: int, token: str) -> Service:
    file = folder / "bridge.yaml"
    file.write_text(
        f"""mqtt: {{url: "mqtt://{HOST}:{broker.port}", client_id: demo, protocol: "{broker.protocol}"}}
kinesis:
  region: {REGION}
  endpoint_url: {kinesis_url}
  authentication: {{type: token, access_key_id: {_TOKEN["access_key_id"]}, secret_access_key: demo}}
mappings: {json.dumps(str(copy_examples(folder)))}
http: {{listen: "{HOST}:{port}", token: {token}}}
""",
        encoding="utf-8",
    )
    service = assemble(load_settings(file, {}))
    service.configuration = effective_options(file, {})
    return service
