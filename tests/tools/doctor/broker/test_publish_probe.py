"""Measurement with published messages, against a scripted session whose clock the test determines."""

from types import SimpleNamespace

import pytest

from bridge.mqtt.broker_address import BrokerAddress
from bridge.tools.doctor.broker import inflight_window, publish_probe
from bridge.tools.doctor.broker.publish_probe import MESSAGES, measure_by_publishing, topic_of
from tests.harness.mqtt_settings import mqtt_settings

ADDRESS, TOPIC = BrokerAddress.parse("mqtt://127.0.0.1"), "mqtt-kinesis/doctor/test"


class Link:
    """Session at a broker with a window of 20 messages. Each round trip takes `round_trip` seconds of a false clock."""

    def __init__(self, round_trip, *, queue=MESSAGES, window=20):
        self.now, self.round_trip, self.queue, self.window = 0.0, round_trip, queue, window
        self.subscriber = self
        self.subscriptions = self
        self.confirmed, self.refused, self.connections = {TOPIC: 1}, {}, 1
        self.state = SimpleNamespace(problem="")
        self.publish_acks, self.refusal = (0, ""), ""

    def __enter__(self):
        self.left, self.messages, self.needing, self.unacknowledged = self.queue, 0, 0, []
        self.next_at, self.acknowledging = 0.0, False
        return self

    def __exit__(self, *_):
        pass

    def open(self, _secs):
        return True

    def publish_acknowledged(self, _topic, _payload):
        self.publish_acks = (self.publish_acks[0] + 1, self.refusal)

    def acknowledge(self, many):
        del self.unacknowledged[:many]
        self.next_at = self.now + self.round_trip

    def acknowledge_all(self):
        self.acknowledging = True
        self.acknowledge(len(self.unacknowledged))

    def listen(self, secs, until=lambda: False):
        deadline = self.now + secs
        while not until():
            arrive = min(self.window - len(self.unacknowledged), self.left)
            if not arrive or max(self.now, self.next_at) > deadline:
                self.now = deadline
                return until()
            self.now = max(self.now, self.next_at)
            self.left -= arrive
            self.messages += arrive
            self.needing += arrive
            self.unacknowledged += [b""] * arrive
            if self.acknowledging:
                self.acknowledge(arrive)
        return True


@pytest.fixture
def finding_of(monkeypatch):
    """Return a function that measures a link, and returns the finding."""

    def run(link, *, matched=False):
        clock = SimpleNamespace(monotonic=lambda: link.now)
        for module in (publish_probe, inflight_window):
            monkeypatch.setattr(module, "time", clock)
        monkeypatch.setattr(publish_probe, "ProbeSession", lambda *_: link)
        routes = SimpleNamespace(match=lambda _topic: SimpleNamespace(targets=["press"] if matched else []))
        return measure_by_publishing(mqtt_settings(ADDRESS, client_id="test"), routes)

    return run


@pytest.mark.parametrize("round_trip", [0.0, 0.1, 0.29, 0.6, 1.5])
def test_probe_of_a_slow_link_reports_no_dropped_messages(finding_of, round_trip):
    finding = finding_of(Link(round_trip)).finding
    assert finding.status != "error", finding.message
    assert "dropped" not in finding.message


@pytest.mark.parametrize("round_trip", [0.0, 0.1, 0.29])
def test_probe_reports_messages_that_the_broker_dropped(finding_of, round_trip):
    measured = finding_of(Link(round_trip, queue=220))
    assert (measured.finding.status, measured.finding.facts["limit"]) == ("error", 200)
    assert "980 were dropped" in measured.finding.message
    assert measured.window.size == 20


def test_probe_of_a_broker_that_queues_everything_is_ok(finding_of):
    measured = finding_of(Link(0.01))
    assert (measured.finding.status, measured.finding.facts["received"]) == ("ok", MESSAGES)


def test_probe_of_a_broker_without_a_window_is_information(finding_of):
    measured = finding_of(Link(0.01, window=MESSAGES))
    assert (measured.finding.status, measured.window.size) == ("info", None)


def test_probe_publishes_nothing_if_a_mapping_matches(finding_of):
    link = Link(0.0)
    assert "a mapping matches" in finding_of(link, matched=True).finding.message
    assert link.publish_acks == (0, "")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"confirmed": {}, "refused": {TOPIC: "not authorized"}}, "was not granted: not authorized"),
        ({"confirmed": {}}, "was not granted: no response"),
        ({"connections": 2}, "the broker closed the connection"),
        ({"queue": 0}, "was accepted but not received"),
        ({"refusal": "quota exceeded"}, "the broker refused a message to"),
    ],
)
def test_probe_that_fails_is_a_warning_with_the_reason(finding_of, changes, words):
    link = Link(0.0)
    vars(link).update(changes)
    finding = finding_of(link).finding
    assert finding.status == "warning"
    assert words in finding.message


def test_topic_of_the_probe_has_no_wildcards_of_the_client_id():
    assert topic_of(mqtt_settings(ADDRESS, client_id="a/b+c#d")) == "mqtt-kinesis/doctor/a-b-c-d"
