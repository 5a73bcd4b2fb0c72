"""The window of simulated brokers, in simulated time."""

import pytest

from bridge.tools.doctor.broker import inflight_window
from bridge.tools.doctor.broker.inflight_window import InflightWindow, SessionTerms, measure_window, window_finding


class Played:
    """Session of a simulated broker: `arrivals` are the times at which messages are published."""

    def __init__(self, arrivals, size=None, released=1, latency=0.001):
        self.now = 0.0
        self.unacknowledged = []
        self.needing = 0
        self._arrivals = list(arrivals)
        self._room = size if size is not None else len(self._arrivals)
        self._released, self._latency = released, latency
        self._more_at = []

    def monotonic(self):
        return self.now

    def listen(self, secs, until=lambda: False):
        end = self.now + secs
        while not until() and self.now < end:
            self.now = min(end, self.now + 0.001)
            while self._more_at and self._more_at[0] <= self.now:
                self._more_at.pop(0)
                self._room += self._released
            while self._room and self._arrivals and self._arrivals[0] <= self.now:
                self._arrivals.pop(0)
                self._room -= 1
                self.needing += 1
                self.unacknowledged.append(b"")
        return until()

    def acknowledge(self, number):
        del self.unacknowledged[:number]
        self._more_at += [self.now + self._latency] * number


@pytest.fixture
def measured(monkeypatch):
    def measure(played):
        monkeypatch.setattr(inflight_window, "time", played)
        return measure_window(played, 4.0)

    return measure


@pytest.mark.parametrize("size", [1, 2, 20, 100])
@pytest.mark.parametrize("published", ["retained", "as it goes"])
def test_window_is_what_lies_unacknowledged_when_the_broker_falls_silent(measured, size, published):
    arrivals = [0.0] * 500 if published == "retained" else [number / 200 for number in range(1_000)]
    found = measured(Played(arrivals, size))
    assert (found.size, found.released) == (size, 1)
    assert found.turnaround_secs == pytest.approx(0.001, abs=0.002)


def test_window_that_grows_with_acknowledgements_is_measured(measured):
    assert measured(Played([0.0] * 900, 20, released=20)) == InflightWindow(20, 20, pytest.approx(0.001, abs=0.002), 20)


def test_window_of_a_distant_broker_is_measured(measured):
    found = measured(Played([0.0] * 500, 20, latency=0.2))
    assert found.size == 20
    assert found.turnaround_secs == pytest.approx(0.2, abs=0.003)


@pytest.mark.parametrize(
    "arrivals",
    [
        [],
        [0.0] * 3,
        *[[number * period for number in range(1_000)] for period in (0.05, 0.11, 0.25, 0.31, 0.35, 0.4, 0.45, 1.0)],
        *[
            [burst * period for burst in range(50) for _ in range(size)]
            for period in (0.35, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0)
            for size in (2, 10)
        ],
    ],
)
def test_plant_at_rest_is_no_window(measured, arrivals):
    assert measured(Played(arrivals)).size is None


def test_window_measurement_with_very_many_messages_does_not_wait(measured):
    played = Played([0.0] * 5_000)
    assert measured(played) == InflightWindow(None, 5_000)
    assert played.now < 0.1


FIVE, THREE = SessionTerms("5", 65_535, supports_mqtt5=True), SessionTerms("3.1.1", 65_535, supports_mqtt5=False)


def test_narrow_window_is_a_warning_with_the_rate_that_it_allows():
    finding = window_finding(InflightWindow(20, 20, 0.001), THREE, 0.009)
    assert finding.status == "warning"
    assert "20 messages at a time" in finding.message
    assert "at most 2,000 messages/s with this disk" in finding.message
    assert "max_inflight_messages 0" in finding.advice
    assert 'mqtt.protocol: "5"' not in finding.advice
    assert finding.facts["messages_per_sec"] == 2_000


def test_broker_that_would_take_5_is_to_be_spoken_to_in_5():
    finding = window_finding(InflightWindow(20, 20, 0.001), SessionTerms("3.1.1", 65_535, supports_mqtt5=True), 0.0)
    assert 'mqtt.protocol: "5"' in finding.advice


def test_growing_window_is_reported_with_the_rate_of_a_fixed_one():
    finding = window_finding(InflightWindow(20, 20, 0.001, 20), THREE, 0.009)
    assert finding.status == "warning"
    assert "20 more after each acknowledgement" in finding.message
    assert "a window of 20 would allow 2,000 messages/s" in finding.message


def test_bridge_s_own_limit_is_reported_as_such():
    assert (
        "raise mqtt.receive_maximum"
        in window_finding(InflightWindow(5, 5, 0.001), SessionTerms("5", 5, supports_mqtt5=True), 0.0).advice
    )
    assert "the broker's in-flight limit" in window_finding(InflightWindow(20, 20, 0.001), FIVE, 0.0).advice


def test_wide_window_is_ok():
    assert window_finding(InflightWindow(100, 100, 0.001), THREE, 0.0).status == "ok"
    assert window_finding(InflightWindow(None, 1_000), THREE, 0.0).status == "ok"


def test_window_that_was_not_measured_is_a_warning_in_3_1_1():
    assert window_finding(InflightWindow(None, 7), FIVE, 0.0).status == "info"
    finding = window_finding(InflightWindow(None, 7), THREE, 0.0)
    assert finding.status == "warning"
    assert "--publish" in finding.advice
