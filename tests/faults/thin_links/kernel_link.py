"""Thin links in the kernel: network namespaces, veth pairs and `tc tbf`. They need root.

plant: broker, Kinesis, load ──field N──▶ edge N: the bridge    not limited
plant ◀──uplink N── edge N                  kernel: tbf at the edge, like a modem in the bridge's machine
plant ◀──uplink N── router N ◀── edge N     router: tbf in another machine; TCP notices its queue only by delays

The broker is reached by a separate interface, so MQTT acknowledgements do not use the uplink. `LinkProxy` causes
delays, because not every kernel has netem. https://man7.org/linux/man-pages/man8/tc-tbf.8.html
"""

import contextlib
import os
import subprocess
from pathlib import Path

from tests.faults.link_fixture import go_into
from tests.faults.thin_links.proxy import SEGMENT_BYTES

FRAME_HEADER_BYTES = 66
"""Bytes of the headers of Ethernet (14), IPv4 (20) and TCP with timestamps (32), all of which tbf counts."""

FRAME_BYTES = SEGMENT_BYTES + FRAME_HEADER_BYTES
QUEUE_SECS = 0.4
MIN_QUEUE_FRAMES = 10
"""Minimum size of the queue. In a smaller queue, the first request of each connection would lose packets.

TCP's initial window must fit.
"""


def namespaced(name: str, command: str) -> str:
    """Run a command in the namespace and return its output. AssertionError with the error output when it fails."""
    done = subprocess.run(
        ["ip", "netns", "exec", name, "sh", "-c", command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


class Namespace:
    """Network namespace with an active loopback interface. It is deleted at the end."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self):
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.run("ip link set lo up")
        return self

    def __exit__(self, *_):
        subprocess.run(["ip", "netns", "del", self.name], check=True)

    def run(self, command: str) -> str:
        return namespaced(self.name, command)


class Plant:
    """Namespace of the broker, Kinesis and the load.

    As a context manager, it moves the calling thread into the namespace, with all threads and processes that it starts.
    """

    def __init__(self, *, used: bool = True) -> None:
        self.name = f"thin-{os.getpid()}"
        self._used = used
        self._parts = contextlib.ExitStack()

    def __enter__(self):
        if self._used:
            with contextlib.ExitStack() as parts:
                parts.enter_context(Namespace(self.name))
                own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
                parts.callback(os.close, own)
                parts.callback(go_into, Path(f"/proc/self/fd/{own}"))
                go_into(Path("/run/netns", self.name))
                self._parts = parts.pop_all()
        return self

    def __exit__(self, *_):
        self._parts.close()


class KernelLink:
    """Link number N from an edge to the plant. In the edge, Kinesis is at `address` and the broker at `field_address`.

    rate     bytes per second, including Ethernet headers
    loss     share of packets that are lost behind the link, in each direction
    inside   command before another command, which then runs in the edge
    """

    def __init__(self, plant: Plant, number: int, *, rate: int, loss: float = 0.0, router: bool = False) -> None:
        self.address, self.field_address = f"10.231.{number}.1", f"10.232.{number}.1"
        self._plant, self._number, self._loss = plant.name, number, loss
        self._rate = rate
        self._edge = Namespace(f"{plant.name}-edge-{number}")
        self._router = Namespace(f"{plant.name}-router-{number}") if router else None
        self.inside = ("ip", "netns", "exec", self._edge.name)
        self._parts = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as parts:
            for namespace in filter(None, (self._edge, self._router)):
                parts.enter_context(namespace)
            self._connect()
            self._parts = parts.pop_all()
        return self

    def __exit__(self, *_):
        self._parts.close()

    @property
    def rate(self) -> float:
        """Rate of the link, in bytes per second that leave the edge."""
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self._rate = int(rate)
        self._thin.run(f"tc qdisc change dev uplink root {self._bucket()}")

    @property
    def sent_up(self) -> int:
        """Bytes that have arrived in the plant, including Ethernet headers and lost packets.

        Only a thread in the plant may call it, because it reads the interfaces of its own namespace.
        """
        lines = Path("/proc/thread-self/net/dev").read_text().splitlines()
        [counts] = [line.split(":")[1] for line in lines if line.strip().startswith(f"uplink{self._number}:")]
        return int(counts.split()[0])

    @property
    def _thin(self) -> Namespace:
        """Namespace whose interface `uplink` is the thin link."""
        return self._router or self._edge

    def _connect(self):
        number = self._number
        self._pair(f"field{number}", self._edge, "field", f"10.232.{number}")
        self._pair(f"uplink{number}", self._thin, "uplink", f"10.231.{number}")
        if self._router:
            self._router.run(f"ip link add lan type veth peer name uplink netns {self._edge.name}")
            for namespace, device, end in ((self._router, "lan", 1), (self._edge, "uplink", 2)):
                namespace.run(f"ip addr add 10.233.{number}.{end}/30 dev {device} && ip link set {device} up")
            self._router.run("echo 1 > /proc/sys/net/ipv4/ip_forward")
            self._edge.run(f"ip route add 10.231.{number}.0/30 via 10.233.{number}.1")
            namespaced(self._plant, f"ip route add 10.233.{number}.0/30 via 10.231.{number}.2")
        # Most edge devices use a loss-based algorithm. BBR, which some machines use, hardly reacts to lost packets.
        self._edge.run("echo reno > /proc/sys/net/ipv4/tcp_congestion_control")
        # Each packet leaves as one frame, as over Ethernet. The kernel would otherwise pass several as one.
        for namespace in filter(None, (self._edge, self._router)):
            namespace.run("ip link set dev uplink gso_max_segs 1")
        self._thin.run(f"tc qdisc add dev uplink root {self._bucket()}")
        if self._loss:
            drop = f"-m statistic --mode random --probability {self._loss} -j DROP"
            namespaced(self._plant, f"iptables -A INPUT -i uplink{number} {drop}")
            self._edge.run(f"iptables -A INPUT -i uplink {drop}")

    def _pair(self, name, namespace, device, network):
        namespaced(self._plant, f"ip link add {name} type veth peer name {device} netns {namespace.name}")
        namespaced(self._plant, f"ip addr add {network}.1/30 dev {name} && ip link set {name} up")
        namespace.run(f"ip addr add {network}.2/30 dev {device} && ip link set {device} up")

    def _bucket(self):
        burst = max(2 * FRAME_BYTES, self._rate // 100)
        limit = max(int(self._rate * QUEUE_SECS), MIN_QUEUE_FRAMES * FRAME_BYTES) + burst
        return f"tbf rate {self._rate}bps burst {burst} limit {limit}"
