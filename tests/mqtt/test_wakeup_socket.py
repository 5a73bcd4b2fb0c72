"""Socket that ends a wait from another thread. The waits here are far longer than the tests may take."""

import contextlib
import fcntl
import resource
import select
import socket
import threading

import pytest

from bridge.mqtt.wakeup_socket import WakeupSocket

LONG_SECS = 600.0


@pytest.fixture
def wakeup():
    made = WakeupSocket()
    yield made
    made.close()


def readable(wakeup):
    return bool(select.select([wakeup.reader], [], [], 0)[0])


def test_wakeup_before_the_wait_ends_the_wait(wakeup):
    wakeup.send()
    wakeup.wait(LONG_SECS)
    assert readable(wakeup)


def test_wakeup_from_another_thread_ends_the_wait(wakeup):
    waiting = threading.Thread(target=wakeup.wait, args=(LONG_SECS,), daemon=True)
    waiting.start()
    wakeup.send()
    waiting.join(30)
    assert not waiting.is_alive()


@pytest.mark.parametrize("secs", [0.0, -1.0])
def test_wakeup_wait_without_time_returns_at_once(wakeup, secs):
    waiting = threading.Thread(target=wakeup.wait, args=(secs,), daemon=True)
    waiting.start()
    waiting.join(30)
    assert not waiting.is_alive()


def test_wakeup_drain_discards_every_byte(wakeup):
    for _ in range(10_000):
        wakeup.send()
    wakeup.drain()
    assert not readable(wakeup)


def test_wakeup_with_a_full_socket_still_ends_the_wait(wakeup):
    with contextlib.suppress(BlockingIOError):
        while True:
            wakeup._writer.send(bytes(65_536))
    wakeup.send()
    assert readable(wakeup)
    wakeup.drain()
    assert not readable(wakeup)


def test_wakeup_after_close_has_no_effect(wakeup):
    wakeup.close()
    wakeup.close()
    wakeup.send()
    wakeup.drain()


def test_wakeup_with_a_file_descriptor_above_1023_ends_the_wait(wakeup, monkeypatch):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1100), hard))
    try:
        high = socket.socket(fileno=fcntl.fcntl(wakeup.reader.fileno(), fcntl.F_DUPFD_CLOEXEC, 1024))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with high:
        monkeypatch.setattr(wakeup, "reader", high)
        wakeup.send()
        wakeup.wait(LONG_SECS)
        wakeup.drain()
        monkeypatch.undo()
    assert not readable(wakeup)
