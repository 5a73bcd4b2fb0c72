"""The factory as a program: it waits for the broker and the local Kinesis, and stops at a signal."""

import threading

import pytest

from bridge.tools.demo import simulator
from bridge.tools.demo.simulator import STREAMS, _make_streams, _until_it_works, main


def test_simulator_repeats_until_a_service_has_started(monkeypatch):
    monkeypatch.setattr(simulator, "AGAIN_SECS", 0.0)
    results = [OSError("refused"), ValueError("no JSON"), None]

    def make():
        result = results.pop(0)
        if result is not None:
            raise result
        return "made"

    assert _until_it_works(make, "no broker yet", threading.Event()) == "made"
    assert results == []


def test_simulator_that_is_stopped_does_not_wait_for_a_service():
    stopping = threading.Event()

    def make():
        stopping.set()
        raise OSError("refused")

    assert _until_it_works(make, "no broker yet", stopping) is None
    assert simulator.simulate("mqtt://127.0.0.1:1", None, stopping) is None


class Reader:
    """Local Kinesis with some streams."""

    def __init__(self, error, *there):
        self.error, self.there = error, set(there)

    def create(self, streams):
        if self.there & streams.keys():
            raise self.error("exists")
        self.there |= streams.keys()


def test_simulator_creates_the_streams_that_are_missing(monkeypatch):
    reader = Reader(type("ResourceInUseException", (Exception,), {}), STREAMS[1])
    monkeypatch.setattr(simulator, "LocalStreamReader", lambda _settings: reader)
    _make_streams("http://127.0.0.1:1")
    assert reader.there == set(STREAMS)


def test_simulator_reports_other_errors_of_a_stream(monkeypatch):
    reader = Reader(type("LimitExceededException", (Exception,), {}), STREAMS[0])
    monkeypatch.setattr(simulator, "LocalStreamReader", lambda _settings: reader)
    with pytest.raises(Exception, match="exists"):
        _make_streams("http://127.0.0.1:1")


def test_simulator_without_a_broker_option_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "--broker" in capsys.readouterr().err
