import signal

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
        (["run"], signal.default_int_handler, signal.SIG_DFL),
        (["demo", "--secs", "1"], signal.default_int_handler, signal.SIG_DFL),
        (["check"], signal.default_int_handler, signal.default_int_handler),
        (["run"], signal.SIG_IGN, signal.SIG_IGN),
    ],
)
def test_main_lets_ctrl_c_end_a_start_at_once(monkeypatch, arguments, handler, expected):
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
