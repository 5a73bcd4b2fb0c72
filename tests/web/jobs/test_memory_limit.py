"""Memory that one job of the worker process may use. The limits themselves are those of a process of their own."""

import subprocess
import sys

import pytest

from bridge.web.jobs import memory_limit

CODE = """
import resource
from bridge.web.jobs.memory_limit import memory_limit
before = resource.getrlimit(resource.RLIMIT_AS)
with memory_limit(64 * 1024 * 1024):
    bytearray(1024 * 1024)
    try:
        bytearray(128 * 1024 * 1024)
    except MemoryError:
        print("limited")
assert resource.getrlimit(resource.RLIMIT_AS) == before
bytearray(128 * 1024 * 1024)
print("free")
"""


def test_memory_limit_ends_with_its_block():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("limited\nfree\n", "")


@pytest.fixture
def limits(monkeypatch):
    """Limits that are set instead of those of this process."""
    found = []
    monkeypatch.setattr(memory_limit.resource, "getrlimit", lambda _: (5, memory_limit.resource.RLIM_INFINITY))
    monkeypatch.setattr(memory_limit.resource, "setrlimit", lambda _, limit: found.append(limit))
    return found


def test_memory_limit_is_restored_after_an_error(limits):
    with pytest.raises(ZeroDivisionError), memory_limit.memory_limit():
        raise ZeroDivisionError
    assert limits[-1] == (5, memory_limit.resource.RLIM_INFINITY)
    assert len(limits) == 2


def test_memory_limit_leaves_the_hard_limit_unchanged(limits):
    with memory_limit.memory_limit(7):
        assert [hard for _, hard in limits] == [memory_limit.resource.RLIM_INFINITY]
        assert limits[0][0] % memory_limit.resource.getpagesize() == 7


def test_memory_limit_of_a_job_is_never_above_that_of_the_process(monkeypatch):
    limits = []
    monkeypatch.setattr(memory_limit.resource, "getrlimit", lambda _: (1000, 1000))
    monkeypatch.setattr(memory_limit.resource, "setrlimit", lambda _, limit: limits.append(limit))
    with memory_limit.memory_limit():
        assert limits == [(1000, 1000)]
    assert limits == [(1000, 1000)] * 2
