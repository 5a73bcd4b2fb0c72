"""The demo's factory as a program: `python -m bridge.tools.demo.simulator --broker mqtt://mosquitto:1883`.

The program runs until it is stopped. With `--kinesis URL`, it first creates the streams of the example mappings in a
local Kinesis.
"""

from __future__ import annotations

import argparse
import logging
import time
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from bridge.aws.credentials import Authentication
from bridge.kinesis.local_stream_reader import LocalStreamReader
from bridge.kinesis.publisher import PublisherSettings
from bridge.runtime.log_setup import set_up_logging
from bridge.tools.demo.demo_run import TICK_SECS
from bridge.tools.demo.factory import Factory
from bridge.tools.demo.lifecycle import interrupts
from bridge.tools.demo.local_kinesis import REGION, SHARDS
from bridge.tools.demo.message_publisher import MessagePublisher

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

Made = TypeVar("Made")
log = logging.getLogger(__name__)

STREAMS = ("factory-archive", "factory-events", "factory-telemetry", "factory-vibration")
AGAIN_SECS = 1.0
_TOKEN = {"access_key_id": "demo", "secret_access_key": "demo"}


def simulate(broker: str, kinesis: str | None, stopping: threading.Event) -> None:
    """Publish the factory's messages to `broker` (mqtt://host:port) until `stopping` is set."""
    if kinesis is not None:
        _until_it_works(lambda: _make_streams(kinesis), f"no streams in {kinesis} yet", stopping)
    address = urlsplit(broker)
    publisher = _until_it_works(
        lambda: MessagePublisher(address.hostname or "", address.port or 1883, "factory-simulator"),
        f"no broker at {broker} yet",
        stopping,
    )
    if publisher is None:
        return
    factory = Factory(started_at=time.monotonic(), epoch_ms=time.time_ns() // 1_000_000)
    with publisher:
        log.info("the factory publishes messages", extra={"broker": broker})
        while not stopping.wait(TICK_SECS):
            for event in factory.events(time.monotonic()):
                publisher.publish(event.topic, event.payload, qos=event.qos, retain=event.retain)


def _make_streams(kinesis: str) -> None:
    reader = LocalStreamReader(PublisherSettings(REGION, Authentication("token", _TOKEN), endpoint_url=kinesis))
    for stream in STREAMS:
        try:
            reader.create({stream: SHARDS})
        except Exception as error:
            # botocore creates the exception classes at run time, so the class cannot be imported.
            if type(error).__name__ != "ResourceInUseException":  # the stream exists already
                raise


def _until_it_works(make: Callable[[], Made], problem: str, stopping: threading.Event) -> Made | None:
    """Call `make` until it succeeds, because the broker and Kinesis may start later than this program.

    Return its result, or None if `stopping` is set before it succeeds.
    """
    while not stopping.is_set():
        try:
            return make()
        except Exception as error:  # noqa: BLE001 - any error may mean that the service has not started yet
            log.warning("%s: %s", problem, error)
            stopping.wait(AGAIN_SECS)
    return None


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the arguments and run the simulator."""
    parser = argparse.ArgumentParser(prog="python -m bridge.tools.demo.simulator", description=__doc__)
    parser.add_argument("--broker", required=True, help="mqtt://host:port")
    parser.add_argument("--kinesis", help="a local Kinesis, http://host:port")
    options = parser.parse_args(arguments)
    set_up_logging("text", "info")
    with interrupts([]) as stopping:
        simulate(options.broker, options.kinesis, stopping)


if __name__ == "__main__":
    main()
