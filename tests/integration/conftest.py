"""Fixtures of several files."""

import contextlib

import pytest

from tests.harness.bridge_process import write_configuration
from tests.harness.workers import Workers
from tests.integration.arrivals import TELEMETRY


@pytest.fixture
def workers(tmp_path, mosquitto, kinesis):
    """Function workers(3) that runs `run --workers 3` between `mosquitto` and `kinesis` until the test ends."""
    running = contextlib.ExitStack()

    def start(count, mappings=None, *, link=(), environment=None, **more):
        write_configuration(
            tmp_path,
            mqtt={"url": f"mqtt://127.0.0.1:{mosquitto.port}"},
            kinesis={"endpoint_url": kinesis.url, **dict(link)},
            mappings=mappings or {"press": TELEMETRY},
            **more,
        )
        return running.enter_context(Workers(tmp_path, count, environment=environment))

    with running:
        yield start
