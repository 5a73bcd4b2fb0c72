import signal
import subprocess
import sys

import pytest

import bridge.cli


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [(["run"], signal.SIG_IGN), (["run", "-c", "b.yaml"], signal.SIG_IGN), (["check", "run"], signal.SIG_DFL)],
)
def test_main_ignores_sighup_while_a_run_starts(monkeypatch, arguments, expected):
    seen = []
    monkeypatch.setattr("sys.argv", ["mqtt-kinesis", *arguments])
    monkeypatch.setattr("bridge.cli.app.main", lambda: seen.append(signal.getsignal(signal.SIGHUP)))
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        bridge.cli.main()
    finally:
        signal.signal(signal.SIGHUP, before)
    assert seen == [expected]


@pytest.mark.parametrize(
    ("arguments", "handler", "expected"),
    [
        (["run"], signal.default_int_handler, bridge.cli.end_at_once),
        (["demo", "--secs", "1"], signal.default_int_handler, bridge.cli.end_at_once),
        (["check"], signal.default_int_handler, signal.default_int_handler),
        (["run"], signal.SIG_IGN, signal.SIG_IGN),
    ],
)
def test_main_ends_at_once_on_ctrl_c_during_a_start(monkeypatch, arguments, handler, expected):
    seen = []
    monkeypatch.setattr("sys.argv", ["mqtt-kinesis", *arguments])
    monkeypatch.setattr("bridge.cli.app.main", lambda: seen.append(signal.getsignal(signal.SIGINT)))
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGHUP)}
    signal.signal(signal.SIGINT, handler)
    try:
        bridge.cli.main()
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
    assert seen == [expected]


def test_ctrl_c_during_a_start_ends_with_its_exit_code():
    start = (
        "import os, signal, sys, time, types\n"
        "import bridge.cli\n"
        "sys.argv = ['mqtt-kinesis', 'run']\n"
        "app = types.ModuleType('bridge.cli.app')\n"
        "app.main = lambda: (os.kill(os.getpid(), signal.SIGINT), time.sleep(60))\n"
        "sys.modules['bridge.cli.app'] = app\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "bridge.cli.main()\n"
    )
    ended = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")
