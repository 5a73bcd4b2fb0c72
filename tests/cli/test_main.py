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
