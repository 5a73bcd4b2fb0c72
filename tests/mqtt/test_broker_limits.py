"""Limits in a CONNACK of a scripted broker, through paho's parser: paho's names must be the names that are read."""

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from bridge.mqtt.broker_limits import BrokerLimits

ALL = {
    "MaximumQoS": 1,
    "WildcardSubscriptionAvailable": 0,
    "SharedSubscriptionAvailable": 0,
    "SubscriptionIdentifierAvailable": 0,
    "MaximumPacketSize": 2048,
    "SessionExpiryInterval": 60,
    "ServerKeepAlive": 0,
}


def connack(**values):
    properties = Properties(PacketTypes.CONNACK)
    for name, value in values.items():
        setattr(properties, name, value)
    received = Properties(PacketTypes.CONNACK)
    received.unpack(properties.pack())
    return BrokerLimits.of_connack(received.json())


def test_limits_of_a_connack_have_the_reported_values():
    assert connack(**ALL) == BrokerLimits(1, False, False, False, 2048, 60, 0)


def test_limits_of_an_empty_connack_are_those_of_the_specification():
    assert connack() == BrokerLimits(2, True, True, True, None, None, None)


@pytest.mark.parametrize("name", [name for name in ALL if name.endswith("Available")])
def test_limits_of_a_feature_that_is_reported_as_present_allow_it(name):
    assert connack(**{name: 1}) == BrokerLimits()


def test_limits_of_3_1_1_exclude_only_subscription_identifiers():
    assert BrokerLimits.of_3_1_1() == BrokerLimits(identifiers=False)
