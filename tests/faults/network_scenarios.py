"""Scenarios of the bridge's only link: it drops packets, resets connections, becomes slow, or goes down.

The link connects two network namespaces of the kernel.
"""

from contextlib import contextmanager
from functools import partial

from tests.faults.scenario import Scenario
from tests.faults.scenario_setup import Setup, Stage

BEHIND_A_LINK = Setup(link=True)


@contextmanager
def filtered(stage: Stage, *, rule: str, chains=("INPUT", "OUTPUT")):
    """Add a rule to the packet filter of the edge."""
    for chain in chains:
        stage.link.run(f"iptables -A {chain} {rule}")
    yield
    stage.link.run("iptables -F")


@contextmanager
def down(stage: Stage):
    stage.link.down()
    yield
    stage.link.up()


@contextmanager
def flapping(stage: Stage):
    """Switch the link off and on every two seconds."""
    for left in reversed(range(4)):
        stage.link.down()
        stage.hold(2.0)
        if not left:
            stage.heals()
        stage.link.up()
        stage.hold(2.0 if left else 0.0)
    yield


@contextmanager
def thin(stage: Stage, *, kbit: int):
    """Limit the bytes per second that leave the edge: MQTT acknowledgements and records together."""
    stage.link.run(f"tc qdisc add dev uplink root tbf rate {kbit}kbit burst 16kb latency 400ms")
    yield
    stage.link.run("tc qdisc del dev uplink root")


@contextmanager
def sockets_killed(stage: Stage):
    """End all connections of the bridge four times (ss -K)."""
    for _ in range(4):
        stage.link.run("ss -K dst 10.231.0.1")
        stage.hold(1.0)
    yield


def behind_a_link(name: str, fault, hold_secs: float) -> Scenario:
    return Scenario(f"network: {name}", fault, BEHIND_A_LINK, hold_secs, needs_root=True)


ONE_IN_FIVE = "-m statistic --mode random --probability 0.2 -j DROP"
TCP_RESET = "-p tcp -j REJECT --reject-with tcp-reset"
SCENARIOS = (
    behind_a_link("every packet dropped for 6 s", partial(filtered, rule="-j DROP"), 6),
    behind_a_link("every packet dropped for 20 s", partial(filtered, rule="-j DROP"), 20),
    behind_a_link("every fifth packet lost at random", partial(filtered, rule=ONE_IN_FIVE, chains=["INPUT"]), 5),
    behind_a_link("every connection reset for 5 s", partial(filtered, rule=TCP_RESET, chains=["INPUT"]), 5),
    behind_a_link("link down for 6 s", down, 6),
    behind_a_link("link flapping every 2 s", flapping, 0),
    behind_a_link("a link of 512 kbit/s for 8 s", partial(thin, kbit=512), 8),
    behind_a_link("sockets killed (ss -K) four times", sockets_killed, 0),
)
