"""Fixtures with real components. A component is started only if a test needs it."""

import contextlib
import logging
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.fakes.kinesis import KinesisStandIn
from tests.harness import botocore_tables, network
from tests.harness.bridge_here import BridgeHere
from tests.harness.bridge_process import BridgeProcess, write_configuration
from tests.harness.mosquitto import Mosquitto
from tests.harness.proxy import Proxy

ROOT = Path(__file__).parent

# On a busy machine, an example may take seconds, so examples have no deadline. In CI, the parent is the CI profile of
# Hypothesis, which tries the same examples each time.
settings.register_profile(
    "project", settings(), max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("project")
# `make fuzz`: pytest tests/fuzz --hypothesis-profile=long. Without this profile, each test runs fifty examples.
settings.register_profile(
    "long", settings(), max_examples=10_000, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

SLOW = ("faults", "integration", "browser", "tools", "fuzz", "delivery", "docs", "cli", "spool", "web")


def pytest_collection_modifyitems(items):
    """Run the slowest folders first. Otherwise, one worker could still run a slow file when the others have ended."""
    places = {name: place for place, name in enumerate(SLOW)}
    items.sort(key=lambda item: places.get(item.path.relative_to(ROOT).parts[0], len(SLOW)))


@pytest.fixture(scope="session", autouse=True)
def botocore_is_quick():
    with botocore_tables.read_once():
        yield


@pytest.fixture
def free_port():
    return network.free_port()


@pytest.fixture
def mosquitto():
    with Mosquitto(persistence=True) as broker:
        yield broker


@pytest.fixture
def kinesis():
    with KinesisStandIn({"telemetry": 2, "archive": 1}) as stand_in:
        yield stand_in


@pytest.fixture
def proxy():
    """Function proxy(port) that starts a proxy to a port. The proxy runs until the test ends."""
    with contextlib.ExitStack() as proxies:
        yield lambda target, **options: proxies.enter_context(Proxy(target, **options))


@pytest.fixture
def bridge(tmp_path, mosquitto, kinesis):
    """Function bridge(mappings={…}) that starts a bridge between `mosquitto` and `kinesis`.

    It returns when the bridge has subscribed. The bridge runs until the test ends. `mqtt`, `kinesis`, `spool` and other
    sections of bridge.yaml are merged with the defaults here. With here=True, the bridge runs in the test process,
    which saves a second.
    """
    ends = {"mqtt": {"url": f"mqtt://127.0.0.1:{mosquitto.port}"}, "kinesis": {"endpoint_url": kinesis.url}}

    def start(mappings, *, mqtt=(), kinesis=(), here=False, **more):
        how = {name: more.pop(name) for name in ("environment", "wrapper", "await_subscribed") if name in more}
        write_configuration(
            tmp_path,
            mappings=mappings,
            mqtt={**ends["mqtt"], **dict(mqtt)},
            kinesis={**ends["kinesis"], **dict(kinesis)},
            **more,
        )
        process = (BridgeHere if here else BridgeProcess)(tmp_path, **how)
        return processes.enter_context(process)

    with contextlib.ExitStack() as processes:
        yield start


@pytest.fixture(autouse=True)
def logging_as_it_was():
    """Restore logging after each test. Code that sets up logging, such as the demo, could silence the next test."""
    names = [None, *logging.root.manager.loggerDict]
    levels = {name: logging.getLogger(name).level for name in names}
    handlers = list(logging.root.handlers)
    yield
    for name in [None, *logging.root.manager.loggerDict]:
        logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))
    logging.root.handlers[:] = handlers
