"""Stage of a scenario: a real broker, a scripted Kinesis, the bridge as a process between them,
and a proxy on either side of it.

            load ──▶ mosquitto ──▶ to_broker ──▶ the bridge ──▶ to_kinesis ──▶ kinesis ──▶ sink

Every message goes to two streams: `telemetry`, as fast as it goes, and `archive`, where order is strict.
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
"""Stream of the records that hostile messages become; no sink reads it."""
HOSTILE = {
    "topic": f"{HOSTILE_TOPIC}/#",
    "transform": "payload",
    "each": True,
    "changes": {"key": "payload[0].key", "value": "payload[0].v"},
    "outputs": [{"data_stream": WASTE}],
}
"""Mapping of `Setup.hostile`. Its records are not part of a scenario's account."""


@dataclass(frozen=True)
class Setup:
    """Parameters of a scenario. `link`: the bridge in a network namespace of its own, behind a veth pair.
    `disk_mib`: its spool on a file system of that size. `memory_mib`: what it may use. `clock`: the name of a file that
    holds the offset of its clock. `tls`: Kinesis speaks TLS. `max_skew_secs`: Kinesis looks at the clock. `backlog`:
    how many messages an outage brings. `uplink`: `kinesis.max_bytes_per_sec`. `notify`: it was started by a service
    manager, to which it reports its state. `hostile`: there is a mapping for hostile messages, and a stream for it.
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
    """`healed` is when the fault ended, and how many messages had been acknowledged by then."""

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
        """The fault ends here. Called when the repair begins; later calls change nothing."""
        self.healed = self.healed or (time.monotonic(), self.load.acknowledged)

    def time_to_recover(self, timeout_secs: float) -> float | None:
        """From the fault's end until all that was published by then has arrived, and the next quarter second's load."""
        ended_at, published = self.healed
        return time.monotonic() - ended_at if self.drained(published + self.load.rate // 4, timeout_secs) else None

    def drained(self, number: int, timeout_secs: float) -> bool:
        """Return whether every message before `number` arrives in time, from a running bridge."""
        return self.sink.wait_for(number, timeout_secs=timeout_secs, still=lambda: self.bridge.running)

    def flow(self, messages: int) -> None:
        """Wait until this number of further messages has arrived on every stream."""
        reached = self.sink.reached + messages
        assert self.sink.wait_for(reached), f"{self.sink.reached} of {reached} arrived:\n{self.bridge.stderr()[-3000:]}"

    def hold(self, secs: float) -> None:
        """Continue the load."""
        end = time.monotonic() + secs
        while (left := end - time.monotonic()) > 0:
            self.load.check()
            self.sink.read()
            time.sleep(min(0.1, left))

    def logged(self, words: str, *, times: int = 1, timeout_secs: float = 60) -> None:
        """Wait until the bridge's log contains the words this often, in all its runs."""
        eventually(lambda: self.bridge.stderr().count(words) >= times, f"{words!r} logged", timeout_secs=timeout_secs)

    def worst(self) -> str:
        """Return the last error in the bridge's log."""
        lines = [line for line in self.bridge.log() if line.get("level") in ("error", "critical")]
        told = [f"{line['event'][:300]}\n{line.get('traceback', '')[-1500:]}" for line in lines[-3:]]
        return "\n".join(told) or self.bridge.stderr()[-3000:]

    @contextlib.contextmanager
    def subscribes_again(self):
        """Around what makes the bridge reconnect."""
        before = self.bridge.stderr().count('"event":"subscribed"')
        yield
        self.logged('"event":"subscribed"', times=before + 1)


@contextlib.contextmanager
def staged(setup: Setup, folder: Path):
    """Everything is running, and the bridge has subscribed; the load has not begun."""
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
    """The environment of a process whose time of day is off by what the file says; monotonic time is not.

    https://github.com/wolfcw/libfaketime
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
