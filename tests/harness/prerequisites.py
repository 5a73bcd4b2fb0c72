"""Requirements of some tests on the machine. A test fails if a tool is missing, because `make test` installs it.

Some requirements cannot be installed: root, or another kernel. Without them, a test is skipped on a developer's
machine. If the environment variable CI is set, the test fails, because no person would notice that it is skipped.
"""

import functools
import os
import shutil
import subprocess
import sys

import pytest

SYSTEM_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def require(*, fulfilled: bool, reason: str) -> None:
    """Do nothing if `fulfilled`. Otherwise, fail the calling test if CI is set, and skip it if not."""
    if fulfilled:
        return
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; with CI set this is no reason to skip")
    pytest.skip(reason)


def require_linux() -> None:
    """Require Linux: only its kernel reports the state of TCP, or shows its namespaces in /proc."""
    require(fulfilled=sys.platform == "linux", reason="needs Linux")


def require_thin_links() -> None:
    """Require network namespaces with a link that `tc tbf` limits: Linux, root, iproute2."""
    require_linux()
    for tool in ("ip", "tc"):
        assert shutil.which(tool, path=SYSTEM_PATH), f"{tool} is missing: make iproute2"
    require(fulfilled=os.geteuid() == 0, reason="needs root: network namespaces")
    error = _thin_link_error()
    require(fulfilled=not error, reason=f"this kernel or container has no thin links: {error}")


@functools.cache
def _thin_link_error() -> str:
    """Create a thin link and delete it. Return the reason if this fails, or an empty text."""
    name = f"probe-{os.getpid()}"
    commands = (
        f"ip netns add {name}",
        f"ip -n {name} link add uplink type veth peer name other",
        f"tc -n {name} qdisc add dev uplink root tbf rate 64000bit burst 4096 latency 400ms",
    )
    try:
        for command in commands:
            done = subprocess.run(command.split(), capture_output=True, text=True, check=False, timeout=60)
            if done.returncode:
                return f"{command}: {done.stderr.strip()}"
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    return ""
