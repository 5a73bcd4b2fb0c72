"""Stage of a scenario: a real broker, the bridge as a process, and a stand-in for Kinesis, with proxies between them.

        load ──▶ mosquitto ──▶ to_broker ──▶ the bridge ──▶ to_kinesis ──▶ kinesis ──▶ sink

Each message goes to two streams: `telemetry` with the default order, and `archive` with strict order.
"""

import contextlib
import ssl
import time
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.kinesis import KinesisStandIn
from tests.faults.disk_fixture import Disk
from tests.faults.link_fixture import Link
from tests.faults.load import Load
from tests.faults.memory_limit import MemoryLimit
from tests.faults.sink import Sink
from tests.harness.bridge_process import BridgeProcess, write_configuration
from tests.harness.certificates import Authority
from tests.harness.mosquitto import Mosquitto
from tests.harness.network import free_port
from tests.harness.proxy import Proxy
from tests.harness.service_manager import ServiceManager
from tests.harness.telemetry import TOPIC_FILTER
from tests.harness.workers import Workers
from tests.integration.arrivals import eventually

KEEPALIVE_SECS = 5
TRANSFORM = "{count: payload.count, machine: payload.machine}"
TELEMETRY = {"data_stream": "telemetry", "partition_key_from": "payload.machine"}
ARCHIVE = {"data_stream": "archive", "partition_key_from": "payload.machine", "order": "strict"}
PACKED = ({**TELEMETRY, "packing": "lines", "compression": "zstd"}, {**ARCHIVE, "packing": "kpl"})


HOSTILE_TOPIC = "hostile"
WASTE = "waste"
"""Stream for the records of hostile messages. No sink reads it."""
HOSTILE = {
    "topic": f"{HOSTILE_TOPIC}/#",
    "transform": "payload",
    "each": True,
    "changes": {"key": "payload[0].key", "value": "payload[0].v"},
    "outputs": [{"data_stream": WASTE}],
}
"""Mapping of `Setup.hostile`. The checks of a scenario do not count its records."""


@dataclass(frozen=True)
class Setup:
    """Parameters of a scenario.

    link           run the bridge in a separate network namespace, behind a veth pair
    disk_mib       size of a separate file system for the spool
    memory_mib     memory limit of the bridge
    clock          name of a file with the error of the bridge's clock
    tls            use TLS to Kinesis
    max_skew_secs  let Kinesis check the time in signatures
    backlog        number of messages that arrive during an outage
    uplink         value of kinesis.max_bytes_per_sec
    notify         let the bridge report its state to a service manager
    hostile        add a mapping and a stream for hostile messages
    """

    rate: int = 1_000
    outputs: tuple[dict, ...] = (TELEMETRY, ARCHIVE)
    shards: int = 2
    link: bool = False
    disk_mib: int = 0
    memory_mib: int = 0
    clock: str = ""
    tls: bool = False
    max_skew_secs: float | None = None
    backlog: int = 0
    uplink: int = 0
    notify: bool = False
    spool: tuple[tuple[str, int], ...] = ()
    workers: int = 0
    disk_of: int = 0
    hostile: bool = False

    @property
    def disk_folder(self) -> str:
        return f"data/worker-{self.disk_of}" if self.disk_of else "data"


@dataclass
class Stage:
    """The running parts of a scenario. `healed` is (time, number of acknowledged messages) at the end of the fault."""

    setup: Setup
    broker: Mosquitto
    kinesis: KinesisStandIn
    to_broker: Proxy
    to_kinesis: Proxy
    bridge: BridgeProcess
    load: Load
    sink: Sink
    link: Link | None
    disk: Disk | None
    manager: ServiceManager | None = None
    healed: tuple[float, int] | None = None

    def heals(self) -> None:
        """Record the end of the fault. It is called when the repair begins; later calls change nothing."""
        self.healed = self.healed or (time.monotonic(), self.load.acknowledged)

    def time_to_recover(self, timeout_secs: float) -> float | None:
        """Return the seconds from the end of the fault until all messages have arrived that were published by then.

        It also waits for the messages of the next quarter of a second. Return None after the time limit.
        """
        ended_at, published = self.healed
        return time.monotonic() - ended_at if self.drained(published + self.load.rate // 4, timeout_secs) else None

    def drained(self, number: int, timeout_secs: float) -> bool:
        """Wait until every message before `number` has arrived. Return False after the time, or if the bridge ends."""
        return self.sink.wait_for(number, timeout_secs=timeout_secs, still=lambda: self.bridge.running)

    def flow(self, messages: int) -> None:
        """Wait until `messages` further messages have arrived in every stream."""
        reached = self.sink.reached + messages
        assert self.sink.wait_for(reached), f"{self.sink.reached} of {reached} arrived:\n{self.bridge.stderr()[-3000:]}"

    def hold(self, secs: float) -> None:
        """Wait, while the load continues, and check the load."""
        end = time.monotonic() + secs
        while (left := end - time.monotonic()) > 0:
            self.load.check()
            self.sink.read()
            time.sleep(min(0.1, left))

    def logged(self, words: str, *, times: int = 1, timeout_secs: float = 60) -> None:
        """Wait until the log of all runs of the bridge contains these words `times` times."""
        eventually(lambda: self.bridge.stderr().count(words) >= times, f"{words!r} logged", timeout_secs=timeout_secs)

    def worst(self) -> str:
        """Return the last errors in the log of the bridge."""
        lines = [line for line in self.bridge.log() if line.get("level") in ("error", "critical")]
        told = [f"{line['event'][:300]}\n{line.get('traceback', '')[-1500:]}" for line in lines[-3:]]
        return "\n".join(told) or self.bridge.stderr()[-3000:]

    @contextlib.contextmanager
    def subscribes_again(self):
        """Context manager that waits at its end until the bridge has subscribed again."""
        before = self.bridge.stderr().count('"event":"subscribed"')
        yield
        self.logged('"event":"subscribed"', times=before + 1)


@contextlib.contextmanager
def staged(setup: Setup, folder: Path):
    """Start all parts, and yield the stage when the bridge has subscribed. The load has not started yet."""
    with contextlib.ExitStack() as parts:
        link = parts.enter_context(Link()) if setup.link else None
        disk = parts.enter_context(Disk(folder / setup.disk_folder, setup.disk_mib)) if setup.disk_mib else None
        memory = parts.enter_context(MemoryLimit(setup.memory_mib)) if setup.memory_mib else None
        broker = parts.enter_context(Mosquitto(persistence=True))
        authority = Authority(folder / "authority") if setup.tls else None
        streams = {output["data_stream"]: setup.shards for output in setup.outputs}
        streams |= {WASTE: 1} if setup.hostile else {}
        host = link.address if link else "127.0.0.1"
        kinesis = parts.enter_context(KinesisStandIn(streams, tls=server_context(authority, host)))
        kinesis.max_skew_secs = setup.max_skew_secs
        to_broker = parts.enter_context(Proxy(broker.port, host=host))
        to_kinesis = parts.enter_context(Proxy(kinesis.port, host=host))
        scheme = "https" if authority else "http"
        write_configuration(
            folder,
            mqtt={
                "url": f"mqtt://{host}:{to_broker.port}",
                "keepalive_secs": KEEPALIVE_SECS,
                "reconnect_max_secs": 1,
            },
            kinesis={
                "endpoint_url": f"{scheme}://{host}:{to_kinesis.port}",
                **({"max_bytes_per_sec": setup.uplink} if setup.uplink else {}),
            },
            spool=dict(setup.spool),
            http={"listen": f"127.0.0.1:{free_port()}"},
            mappings={
                "press": {"topic": TOPIC_FILTER, "transform": TRANSFORM, "outputs": list(setup.outputs)},
                **({"hostile": HOSTILE} if setup.hostile else {}),
            },
        )
        environment = {"AWS_CA_BUNDLE": str(authority.ca_file)} if authority else {}
        if setup.clock:
            environment |= false_clock(folder / setup.clock)
        manager = parts.enter_context(ServiceManager(str(folder / "notify"))) if setup.notify else None
        environment |= manager.environment if manager else {}
        wrapper = (*(link.inside if link else ()), *(memory.inside if memory else ()))
        options = {"environment": environment, "wrapper": wrapper}
        made = Workers(folder, setup.workers, **options) if setup.workers else BridgeProcess(folder, **options)
        bridge = parts.enter_context(made)
        load = Load(broker.port, setup.rate)
        sink = Sink(kinesis, ordered="archive" if "archive" in streams and not setup.workers else None, ignored=WASTE)
        yield Stage(setup, broker, kinesis, to_broker, to_kinesis, bridge, load, sink, link, disk, manager)


def false_clock(file: Path) -> dict[str, str]:
    """Return the environment for a process with a wrong clock. Its monotonic clock stays right.

    The file contains the error. https://github.com/wolfcw/libfaketime
    """
    file.write_text("+0\n")
    found = sorted(Path("/usr/lib").glob("**/faketime/libfaketimeMT.so.1"))
    assert found, "the false clock needs libfaketime: apt-get install faketime"
    return {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def server_context(authority: Authority | None, host: str) -> ssl.SSLContext | None:
    if authority is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.server(address=host))
    return context
