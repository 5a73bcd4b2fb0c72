"""Parts for the test of one link: Kinesis behind the link, and a bridge with its load or a calibrated sender before it.

load ──▶ mosquitto ──▶ bridge ──▶ link ──▶ delay ──▶ Kinesis stand-in ──▶ arrival logs
"""

import contextlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.arrival_log import ArrivalLog
from tests.fakes.kinesis import KinesisStandIn
from tests.faults.scenario_setup import server_context
from tests.faults.thin_links.capacity import key_of, message, reference_messages
from tests.faults.thin_links.kernel_link import KernelLink, Plant
from tests.faults.thin_links.link_run import LinkRun
from tests.faults.thin_links.load import LinkLoad
from tests.faults.thin_links.proxy import LinkProxy
from tests.harness.bridge_process import ROOT, BridgeProcess, write_configuration
from tests.harness.certificates import Authority

START_SECS = 120.0


@dataclass(frozen=True)
class Surroundings:
    """Parts that all links of a group share.

    The broker listens on `broker_port` of 127.0.0.1. If there is a plant, it also listens on `field_port` of each
    address of the plant.
    """

    plant: Plant
    broker_port: int
    field_port: int
    folder: Path


class LinkSetup:
    """Context manager that runs all parts of one link. With the calibrated sender, `bridge` and `load` are None."""

    def __init__(self, run: LinkRun, number: int, surroundings: Surroundings) -> None:
        self.run, self._number, self._around = run, number, surroundings
        self._folder = surroundings.folder / f"link-{number}"
        self.bridge: BridgeProcess | None = None
        self.load: LinkLoad | None = None
        self._parts = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as parts:
            self._enter(parts)
            self._parts = parts.pop_all()
        return self

    def __exit__(self, *_):
        self._parts.close()

    def _enter(self, parts):
        run = self.run
        kernel = parts.enter_context(self._kernel_link()) if run.needs_root else None
        host = kernel.address if kernel else "127.0.0.1"
        authority = Authority(self._folder / "authority") if run.tls else None
        streams = {f"thin-{number}": 2 for number in range(run.streams)}
        self.kinesis = parts.enter_context(KinesisStandIn(streams, host=host, tls=server_context(authority, host)))
        self.logs = [ArrivalLog() for _ in streams]
        for stream, log in zip(self.kinesis.streams.values(), self.logs, strict=True):
            stream.arrivals = log
        proxy = LinkProxy(self.kinesis.port, rate=None if kernel else run.rate, delay_secs=run.delay_secs, host=host)
        parts.enter_context(proxy)
        self.link = kernel or proxy
        self._url = f"{'https' if authority else 'http'}://{host}:{proxy.port}"
        self._wrapper = kernel.inside if kernel else ()
        self._ca_file = authority and str(authority.ca_file)
        around = self._around
        self._broker = (kernel.field_address, around.field_port) if kernel else ("127.0.0.1", around.broker_port)
        self._start_sender(parts)

    def _kernel_link(self):
        run = self.run
        router = run.medium == "router"
        return KernelLink(self._around.plant, self._number, rate=run.rate, loss=run.loss, router=router)

    def _start_sender(self, parts):
        if self.run.sender == "calibrated":
            parts.enter_context(self._calibrated_sender())
            return
        self._configure()
        environment = {"AWS_CA_BUNDLE": self._ca_file} if self._ca_file else {}
        bridge = BridgeProcess(
            self._folder, environment=environment, wrapper=self._wrapper, await_subscribed=False
        )  # fmt: skip
        self.bridge = parts.enter_context(bridge)
        # The start takes long, because all bridges of a group start at the same time.
        bridge.wait_for("subscribed", timeout_secs=START_SECS)
        load = LinkLoad(
            self._around.broker_port,
            f"link{self._number}",
            lambda number: (f"thin/link{self._number}/{key_of(number)}", message(number, self.run.message_bytes)),
            backlog=self.run.backlog,
            live_rate=self.run.live_rate,
            arrived=lambda: min(log.distinct for log in self.logs),
        )
        self.load = parts.enter_context(load)

    def _configure(self):
        output = {"packing": self.run.packing}
        if self.run.packing != "lines":
            output["partition_key_from"] = "captures.machine"
        host, port = self._broker
        write_configuration(
            self._folder,
            mqtt={"url": f"mqtt://{host}:{port}", "client_id": f"bridge-{self._number}"},
            kinesis={"endpoint_url": self._url, "backlog": self.run.policy},
            mappings={
                "thin": {
                    "topic": f"thin/link{self._number}/{{machine}}",
                    "outputs": [{"data_stream": name, **output} for name in self.kinesis.streams],
                }
            },
        )

    @contextlib.contextmanager
    def _calibrated_sender(self):
        run = self.run
        command = [*self._wrapper, sys.executable, "-m", "tests.faults.thin_links.calibrated_sender"]
        command += ["--url", self._url, "--stream", "thin-0", "--packing", run.packing]
        command += ["--message-bytes", str(run.message_bytes)]
        command += ["--messages", str(reference_messages(run.shape, run.rate))]
        command += ["--ca", self._ca_file] if self._ca_file else []
        with subprocess.Popen(command, cwd=ROOT) as process:
            try:
                yield
                assert process.poll() is None, "the calibrated sender has ended"
            finally:
                process.kill()
