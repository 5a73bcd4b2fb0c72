"""Scenarios of the machine's limits: few descriptors, little memory, a wrong clock, a slow link, much load."""

import resource
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from tests.faults.scenario import Scenario
from tests.faults.scenario_setup import TELEMETRY, Setup, Stage
from tests.integration.arrivals import eventually

CLOCK = "clock"
"""Name of a file in the scenario's folder. It contains the error of the bridge's clock."""


@contextmanager
def no_descriptor_left(stage: Stage):
    """Take all file descriptors, and end every connection. The bridge must still notify systemd."""
    before = resource.prlimit(stage.bridge.pid, resource.RLIMIT_NOFILE)
    taken = [int(each.name) for each in Path(f"/proc/{stage.bridge.pid}/fd").iterdir()]
    resource.prlimit(stage.bridge.pid, resource.RLIMIT_NOFILE, (min(len(taken), max(taken)) // 2, before[1]))
    stage.to_broker.reset()
    stage.to_kinesis.reset()
    stage.manager.waiting()
    stage.manager.until("STATUS=cannot look")
    stage.manager.until("WATCHDOG=1")
    yield
    resource.prlimit(stage.bridge.pid, resource.RLIMIT_NOFILE, before)


@contextmanager
def clock_off(stage: Stage):
    """Set the clock twenty minutes ahead, and back in one step."""
    clock = stage.bridge.folder / CLOCK
    clock.write_text("+20m\n")
    stage.logged("clock is 20 minutes ahead of AWS")
    yield
    clock.write_text("+0\n")


@contextmanager
def slow_handshakes(stage: Stage):
    """Delay each message between the bridge and Kinesis by 0.4 s, and end every connection."""
    stage.to_kinesis.slow(0.4)
    stage.to_kinesis.reset()
    yield
    stage.to_kinesis.heal()


@contextmanager
def outage(stage: Stage):
    """Let Kinesis fail while `backlog` messages arrive at full speed.

    Then the bridge delivers them, while the load continues at its own rate.
    """
    stage.kinesis.fault("error", code="ServiceUnavailable", status=503)
    stage.load.pause()
    rate, stage.load.rate = stage.load.rate, None
    stage.load.resume()
    eventually(lambda: stage.load.acknowledged >= stage.setup.backlog, "the backlog is published", timeout_secs=600)
    stage.load.pause()
    stage.load.rate = rate
    stage.load.resume()
    yield
    stage.kinesis.clear()


@contextmanager
def more_than_the_uplink_takes(stage: Stage):
    """Publish more than `kinesis.max_bytes_per_sec` for some time.

    The number of bytes to Kinesis that the kernel counts must not exceed the limit. How close it comes to the limit
    depends on this machine. The interface carries little else, such as acknowledgements.
    """
    stage.link.count_to(stage.to_kinesis.port)
    stage.load.pause()
    usual, stage.load.rate = stage.load.rate, SURGE_RATE
    stage.load.resume()
    stage.hold(4.0)
    started, before, all_before = time.monotonic(), stage.link.sent_to(), stage.link.sent()
    yield
    took = time.monotonic() - started
    share = (stage.link.sent_to() - before) / took / stage.setup.uplink
    on_the_interface = (stage.link.sent() - all_before) / took / stage.setup.uplink
    waiting = stage.load.acknowledged - stage.sink.reached
    told = (
        f"{share:.3f} of max_bytes_per_sec to Kinesis over {took:.1f} s, {on_the_interface:.3f} in all; {waiting} wait"
    )
    print(told, file=sys.stderr)
    stage.load.pause()
    stage.load.rate = usual
    stage.load.resume()
    assert waiting > SURGE_RATE, told
    assert 0.5 < share < 1.02, told
    assert on_the_interface < 1.5, told


SURGE_RATE, UPLINK_BYTES = 2_000, 200_000
MEMORY_MIB = 128
SMALL_OUTAGE, LARGE_OUTAGE = 100_000, 1_000_000
SCENARIOS = (
    Scenario(
        "limits: no file descriptor left, all connections lost, under systemd",
        no_descriptor_left,
        Setup(notify=True),
        hold_secs=4,
    ),
    Scenario(
        f"limits: {MEMORY_MIB} MiB of memory (cgroup), and 100,000 messages during an outage",
        outage,
        Setup(memory_mib=MEMORY_MIB, backlog=SMALL_OUTAGE),
        needs_root=True,
    ),
    Scenario("clock: 20 minutes ahead, and back in one jump", clock_off, Setup(max_skew_secs=300, clock=CLOCK)),
    Scenario("Kinesis: TLS handshakes of two seconds", slow_handshakes, Setup(tls=True), hold_secs=6),
    *(
        Scenario(
            f"limits: kinesis.max_bytes_per_sec, and more than that for 20 s, {'TLS' if tls else 'plain'}",
            more_than_the_uplink_takes,
            Setup(rate=400, link=True, tls=tls, uplink=UPLINK_BYTES),
            hold_secs=20,
            needs_root=True,
        )
        for tls in (False, True)
    ),
    Scenario(
        "outage: what a day brings is spooled, and sent while the load continues",
        outage,
        Setup(backlog=LARGE_OUTAGE, outputs=(TELEMETRY,)),
    ),
)
