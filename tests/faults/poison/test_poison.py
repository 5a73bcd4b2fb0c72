"""A message that ends the process each time it is mapped: after a few restarts, it becomes a dead letter."""

import os
import signal

import orjson
import pytest

from bridge.ingest.poison_guard import LARGE_BYTES
from bridge.spool.read_only import all_dead_letters
from tests.fakes.kinesis import KinesisStandIn
from tests.faults.memory_limit import ROOT, MemoryLimit
from tests.harness.bridge_process import BridgeProcess, write_configuration
from tests.harness.mosquitto import Mosquitto
from tests.harness.prerequisites import require
from tests.harness.publisher import Publisher
from tests.integration.arrivals import Arrivals, eventually

COUNT = 300
MEMORY_MIB = 300
MAX_STARTS = {False: 4, True: 3}
"""Maximum number of starts until the bridge runs: for a small message (False) and a large message (True)."""
CGROUPS = os.geteuid() == 0 and os.access(ROOT, os.W_OK)


pytestmark = pytest.mark.timeout(1_000)


@pytest.fixture
def stage(tmp_path):
    """A broker, a stand-in for Kinesis, and the folder with the configuration of a bridge."""
    with Mosquitto(persistence=True) as broker, KinesisStandIn({"telemetry": 1}) as kinesis:
        write_configuration(
            tmp_path,
            mqtt={"url": f"mqtt://127.0.0.1:{broker.port}", "reconnect_max_secs": 1},
            kinesis={"endpoint_url": kinesis.url},
            mappings={"m": {"topic": "plant/{machine}", "outputs": [{"data_stream": "telemetry"}]}},
        )
        yield tmp_path, broker, kinesis


def poisoned(word, *, large):
    return orjson.dumps({"word": word, "pad": "x" * LARGE_BYTES * large})


def played(stage, word, *, large=False, wrapper=()):
    """Return the exit codes of all starts before the one that succeeds."""
    folder, broker, kinesis = stage
    codes = []
    with BridgeProcess(folder) as first:
        first.stop()
    with Publisher(broker.port) as publisher:
        payloads = [orjson.dumps({"count": number}) for number in range(COUNT)]
        payloads[COUNT // 2] = poisoned(word, large=large)
        publisher.publish([("plant/press", payload) for payload in payloads])
    arrivals = Arrivals(kinesis)

    def complete():
        return len(arrivals.read()) == COUNT - 1

    entry = ("tests.faults.poison.deadly_bridge",)
    bridge = BridgeProcess(folder, entry=entry, wrapper=wrapper, await_subscribed=False)
    with bridge:
        while not complete():
            if not bridge.running:
                codes.append(bridge.wait())
                assert len(codes) < MAX_STARTS[large], bridge.stderr()[-3000:]
                bridge.start(await_subscribed=False)
            eventually(lambda: not bridge.running or complete(), "all arrive, or it ends", timeout_secs=300)
        bridge.stop()
    return codes


def dead_letters(stage):
    return [stored.dead_letter for stored in all_dead_letters(stage[0] / "data")]


@pytest.mark.parametrize("large", [False, True])
def test_message_that_kills_the_process_becomes_a_dead_letter(stage, large):
    codes = played(stage, "KILLS", large=large)
    assert codes == [-signal.SIGKILL] * (MAX_STARTS[large] - 1)
    [found] = dead_letters(stage)
    assert (found.code, found.payload, found.streams) == ("poison", poisoned("KILLS", large=large), ("telemetry",))


@pytest.mark.parametrize("word", ["HANGS", "BLOCKS"])
def test_message_whose_decoding_never_returns_becomes_a_dead_letter(stage, word):
    codes = played(stage, word, large=True)
    assert len(codes) == MAX_STARTS[True] - 1
    assert 0 not in codes
    assert [found.code for found in dead_letters(stage)] == ["poison"]


def test_message_that_exhausts_the_memory_becomes_a_dead_letter(stage):
    require(fulfilled=CGROUPS, reason="needs a control group")
    with MemoryLimit(MEMORY_MIB) as limit:
        codes = played(stage, "EXHAUSTS", large=True, wrapper=limit.inside)
    assert 0 not in codes  # the kernel kills the process, unless a MemoryError has ended it before
    assert [found.code for found in dead_letters(stage)] == ["poison"]


def test_message_that_exhausts_the_address_space_is_one_dead_letter(stage):
    # Python raises MemoryError. In the mapping, it causes a dead letter. In another thread, it ends the process.
    played(stage, "EXHAUSTS", wrapper=("prlimit", f"--as={1200 << 20}"))
    [found] = dead_letters(stage)
    assert found.code in ("internal", "poison")
