import signal
import subprocess
import sys

import pytest

from bridge.runtime.signals import deferred_in_children

BEFORE_THE_HANDLERS = """
import os, signal, sys
signal.signal(int(sys.argv[1]), signal.SIG_DFL)  # some parents of the tests ignore it
os.kill(os.getpid(), int(sys.argv[1]))  # like a signal that arrives while Python starts
from bridge.runtime.signals import Signals
with Signals() as signals:
    print(signals.wait(30))
"""


def run(number):
    command = [sys.executable, "-c", BEFORE_THE_HANDLERS, str(int(number))]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_signal_before_the_handlers_exist_waits_for_them(number):
    with deferred_in_children():
        done = run(number)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, str(int(number)), "")


def test_signal_before_the_handlers_exist_ends_any_other_child():
    assert run(signal.SIGHUP).returncode == -signal.SIGHUP


def test_deferral_does_not_outlive_the_start_of_the_child():
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with deferred_in_children():
        assert signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
