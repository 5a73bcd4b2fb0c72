"""Texts for the properties of a CONNACK and mosquitto's own topics."""

import pytest

from bridge.mqtt.broker_address import BrokerAddress
from bridge.tools.doctor.broker.limit_findings import SysTopics, limit_findings
from tests.harness.mqtt_settings import mqtt_settings

FILTERS = {"factory/+/telemetry": 2, "alarms/press": 1}
SETTINGS = mqtt_settings(BrokerAddress.parse("mqtt://127.0.0.1"), session_expiry_secs=604_800)
SHARED = mqtt_settings(BrokerAddress.parse("mqtt://127.0.0.1"), share="press-shop")


def told(connack, settings=SETTINGS, version=""):
    return {each.subject: each for each in limit_findings(connack, settings, FILTERS, version)}


def test_limits_that_the_broker_reports_are_shown():
    said = {"ReceiveMaximum": 20, "ServerKeepAlive": 60, "MaximumPacketSize": 1_048_576, "UserProperty": [("a", "b")]}
    finding = told(said, version="mosquitto version 2.0.11")["broker limits"]
    assert finding.message == (
        "mosquitto version 2.0.11, receive maximum 20, maximum packet size 1,048,576 bytes, keep-alive 60 s"
    )
    assert "UserProperty" not in finding.facts


def test_broker_of_3_1_1_that_reports_nothing_is_no_finding():
    assert told({}) == {}


@pytest.mark.parametrize(
    ("connack", "settings", "subject", "state", "words"),
    [
        (
            {"SessionExpiryInterval": 3600},
            SETTINGS,
            "session expiry",
            "warning",
            "limits the session to 3,600 s; mqtt.session",
        ),
        (
            {"MaximumQoS": 1},
            SETTINGS,
            "QoS",
            "warning",
            "QoS 1 at most, and mappings request more: factory/+/telemetry",
        ),
        ({"MaximumQoS": 0}, SETTINGS, "QoS", "warning", "alarms/press, factory/+/telemetry"),
        ({"WildcardSubscriptionAvailable": 0}, SETTINGS, "wildcards", "error", "factory/+/telemetry"),
        (
            {"SharedSubscriptionAvailable": 0},
            SHARED,
            "shared subscription",
            "error",
            "does not support shared subscriptions",
        ),
    ],
)
def test_missing_broker_feature_is_reported_where_it_is_needed(connack, settings, subject, state, words):
    finding = told(connack, settings)[subject]
    assert finding.status == state
    assert words in finding.message
    assert finding.advice


def test_missing_broker_feature_that_is_not_needed_is_not_reported():
    assert told({"SharedSubscriptionAvailable": 0}) == {}
    assert list(told({"SessionExpiryInterval": 604_800, "MaximumQoS": 2})) == ["broker limits"]


def system(**values):
    topics = {
        "version": "$SYS/broker/version",
        "uptime": "$SYS/broker/uptime",
        "dropped": "$SYS/broker/publish/messages/dropped",
        "now": "$SYS/broker/load/publish/dropped/1min",
    }
    made = SysTopics()
    for name, value in values.items():
        made.add((0x31, topics[name].encode(), b"", b"", value, len(value)))
    return made


def test_messages_dropped_by_the_broker_are_a_warning():
    [finding] = system(dropped=b"1980", uptime=b"86400 seconds", now=b"118.60").findings()
    assert finding.status == "warning"
    assert finding.message.startswith("1,980 messages in the 86400 seconds since it started")
    assert finding.message.endswith("and 119 a minute at present")
    assert "max_queued_messages 0" in finding.advice
    [finding] = system(dropped=b"3", now=b"0.00").findings()
    assert "at present" not in finding.message


def test_sys_topics_without_drops_are_ok_and_without_a_report_no_finding():
    assert [each.status for each in system(dropped=b"0").findings()] == ["ok"]
    assert list(system().findings()) == []
    assert list(system(dropped=b"n/a", uptime=b"\xff").findings()) == []


def test_sys_topics_are_complete_only_with_all_values():
    assert system(version=b"x", uptime=b"1", dropped=b"0", now=b"0").complete
    assert not system(version=b"x").complete
