"""Tests of the built image. `make image-test` runs them, but `make test` does not: they need a Docker daemon."""

import contextlib
import os
import subprocess
import time

import pytest

from tests.fakes.kinesis import KinesisStandIn
from tests.fakes.kinesis_streams import Stream
from tests.harness.bridge_process import ROOT, write_configuration
from tests.harness.mosquitto import Mosquitto
from tests.harness.publisher import Publisher

IMAGE = os.environ.get("IMAGE", "mqtt-kinesis")
MOST_ADDED_BYTES = 75_000_000
"""Maximum size that the image may add to its base of 125 MB, so that it has at most 200 MB."""


def docker(*arguments):
    run = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout.strip()


@contextlib.contextmanager
def container(folder, *options):
    """Run a container with a read-only root file system, without capabilities, on the network of the host."""
    mounts = [f"--volume={folder / name}:/bridge/{name}:ro" for name in ("bridge.yaml", "mappings")]
    hardened = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=host"]
    name = docker("run", "--detach", *hardened, *mounts, *options, IMAGE)
    try:
        yield name
    finally:
        docker("rm", "--force", "--volumes", name)


def until(holds, secs=60):
    deadline = time.monotonic() + secs
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture
def parts(tmp_path):
    with running_parts(tmp_path) as parts:
        yield parts


@contextlib.contextmanager
def running_parts(tmp_path):
    with Mosquitto() as broker, KinesisStandIn() as kinesis:
        kinesis.streams["s"] = Stream("s", 1)
        write_configuration(
            tmp_path,
            mqtt={"url": f"mqtt://127.0.0.1:{broker.port}"},
            kinesis={"endpoint_url": f"http://127.0.0.1:{kinesis.port}"},
            mappings={"m": {"topic": "plant/#", "outputs": [{"data_stream": "s", "partition_key": "k"}]}},
            spool={"path": "/bridge/data"},
            http={"listen": "127.0.0.1:8080"},
        )
        tmp_path.chmod(0o755)
        yield tmp_path, broker, kinesis.streams["s"]


def test_images_bridge_moves_messages_is_healthy_and_stops_cleanly(parts):
    folder, broker, stream = parts
    with container(folder) as bridge:
        until(lambda: '"subscribed"' in docker_log(bridge))
        with Publisher(broker.port) as publisher:
            publisher.publish([(f"plant/{number}", b"%d" % number) for number in range(1000)], qos=1)
        until(lambda: stream.counters()["records"] >= 1000)
        docker("exec", bridge, "python", "-c", HEALTH)
        docker("stop", "--time", "20", bridge)
        assert docker("inspect", "--format", "{{.State.ExitCode}}", bridge) == "0"


def test_killed_it_comes_back_to_its_own_spool(parts):
    folder, broker, stream = parts
    with container(folder, "--volume=mqtt-kinesis-image-test:/bridge/data") as bridge:
        until(lambda: '"subscribed"' in docker_log(bridge))
        docker("kill", bridge)
        with Publisher(broker.port) as publisher:
            publisher.publish([("plant/1", b"1")], qos=1)
        docker("start", bridge)
        until(lambda: stream.counters()["records"] >= 1)
    docker("volume", "rm", "mqtt-kinesis-image-test")


@pytest.mark.parametrize(
    "command",
    [
        "check",
        "try --topic plant/1 --payload 1",
        "status",
        "coverage",
        "spool status",
        "spool verify",
        "dead-letters list",
        "policy --offline --account 123456789012",
        "schema mapping",
    ],
)
def test_image_commands_work_in_a_read_only_root(beside, command):
    docker("exec", beside, "mqtt-kinesis", *command.split())


@pytest.fixture(scope="module")
def beside(tmp_path_factory):
    """A bridge that has delivered a message, for tests of other commands in its container."""
    with running_parts(tmp_path_factory.mktemp("beside")) as (folder, broker, stream), container(folder) as bridge:
        until(lambda: '"subscribed"' in docker_log(bridge))
        with Publisher(broker.port) as publisher:
            publisher.publish([("plant/1", b"1")], qos=1)
        until(lambda: stream.counters()["records"] >= 1)
        yield bridge


def test_image_runs_without_root_and_is_small():
    assert docker("inspect", "--format", "{{.Config.User}}", IMAGE) == "10001:10001"
    sizes = [int(line) for line in docker("history", "--human=false", "--format", "{{.Size}}", IMAGE).splitlines()]
    assert sum(sizes[:-1]) < MOST_ADDED_BYTES


def docker_log(name):
    run = subprocess.run(["docker", "logs", name], capture_output=True, text=True, check=True)
    return run.stdout + run.stderr


HEALTH = "import os, urllib.request as u; u.urlopen(os.environ['HEALTH_URL'], timeout=4)"
assert HEALTH in (ROOT / "docker" / "Dockerfile").read_text()
