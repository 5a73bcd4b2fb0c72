import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.thin_links.kernel_link import KernelLink, Plant
from tests.harness.prerequisites import require_linux, require_thin_links
from tests.integration.arrivals import eventually

SENDS = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=60) as connection:
    connection.sendall(bytes(50_000))
"""


def own_namespace():
    return Path("/proc/thread-self/ns/net").stat().st_ino


def namespaces():
    return subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("router", [False, True])
def test_kernel_link_counts_bytes_and_changes_its_rate(router):
    require_thin_links()
    own = own_namespace()
    with Plant() as plant, KernelLink(plant, 1, rate=500_000, router=router) as link:
        assert plant.name in namespaces()
        link.rate = 1_000_000
        with socket.create_server((link.address, 0)) as server:
            command = [*link.inside, sys.executable, "-c", SENDS, link.address, str(server.getsockname()[1])]
            with subprocess.Popen(command) as sender:
                connection, _ = server.accept()
                with connection:
                    received = len(b"".join(iter(lambda: connection.recv(65_536), b"")))
                assert sender.wait(60) == 0
        assert received == 50_000
        # 35 frames with headers of 66 bytes, and the frames that open and close the connection.
        eventually(lambda: link.sent_up > 50_000 + 35 * 66, "the frames are counted")
        assert link.sent_up < 60_000
    assert plant.name not in namespaces()
    assert own_namespace() == own


def test_plant_that_is_not_used_needs_no_namespace():
    require_linux()
    own = own_namespace()
    with Plant(used=False):
        assert own_namespace() == own
