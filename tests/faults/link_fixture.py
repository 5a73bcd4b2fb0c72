"""Separate link between the bridge and all other parts: two network namespaces, connected by a veth pair.

The broker, Kinesis and the load run in the namespace `plant`, and the bridge in `edge`. The network of this machine
does not change. The link needs root: https://man7.org/linux/man-pages/man8/ip-netns.8.html
"""

import ctypes
import os
import subprocess
from pathlib import Path

CLONE_NEWNET = 0x40000000


class Link:
    """Context manager that moves the calling thread into the plant, with all threads and processes that it starts.

    `inside` is a command before another command, which then runs in the edge.
    """

    address = "10.231.0.1"
    """Address of the plant in the network of the edge."""

    def __init__(self) -> None:
        self.plant, self.edge = f"plant-{os.getpid()}", f"edge-{os.getpid()}"
        self.inside = ("ip", "netns", "exec", self.edge)
        self._own = -1

    def __enter__(self):
        for name in (self.plant, self.edge):
            subprocess.run(["ip", "netns", "add", name], check=True)
            subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        self._ip(self.plant, "link add uplink type veth peer name uplink netns", self.edge)
        self._ip(self.plant, "addr add 10.231.0.1/30 dev uplink")
        self._ip(self.edge, "addr add 10.231.0.2/30 dev uplink")
        self._ip(self.plant, "link set uplink up")
        self.up()
        self._own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        go_into(Path("/run/netns", self.plant))
        return self

    def __exit__(self, *_):
        if self._own >= 0:
            go_into(Path(f"/proc/self/fd/{self._own}"))
            os.close(self._own)
        for name in (self.plant, self.edge):
            subprocess.run(["ip", "netns", "del", name], check=True)

    def up(self) -> None:
        self._ip(self.edge, "link set uplink up")

    def down(self) -> None:
        self._ip(self.edge, "link set uplink down")

    def count_to(self, port: int) -> None:
        """Make `sent_to` count the bytes to a port.

        It turns off segmentation in the device, so that the kernel counts each packet as it would leave over Ethernet.
        """
        self.run("ip link set dev uplink gso_max_segs 1")
        self.run(f"iptables -A OUTPUT -o uplink -p tcp --dport {port}")

    def sent_to(self) -> int:
        """Return the bytes that were sent to the port, including TCP and IP headers."""
        [counted] = [line for line in self.run("iptables -nvxL OUTPUT").splitlines() if "dpt:" in line]
        return int(counted.split()[1])

    def sent(self) -> int:
        """Return the bytes that the interface has sent, including Ethernet headers."""
        return int(self.run("cat /sys/class/net/uplink/statistics/tx_bytes"))

    def run(self, command: str) -> str:
        """Run a command in the edge. Raise AssertionError with its output if it fails."""
        done = subprocess.run([*self.inside, *command.split()], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def _ip(self, namespace, command, *more):
        subprocess.run(["ip", "-n", namespace, *command.split(), *more], check=True)


def go_into(namespace: Path) -> None:
    """Let the calling thread create its sockets in this namespace from now on: setns(2)."""
    descriptor = os.open(namespace, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
    finally:
        os.close(descriptor)
