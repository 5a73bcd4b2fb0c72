import pytest

from bridge.mqtt.broker_address import BrokerAddress
from bridge.mqtt.protocol_fallback import RETRY_5_SECS, ProtocolFallback

ONE, OTHER = BrokerAddress.parse("mqtt://one:1883"), BrokerAddress.parse("mqtt://other:1883")


@pytest.fixture
def fallback():
    return ProtocolFallback((ONE, OTHER), version_5=True)


def unanswered(fallback, count):
    """The versions of connections that have no response."""
    tried = []
    for _ in range(count):
        tried.append(fallback.version_5(ONE))
        fallback.unanswered(ONE)
    return tried


def test_fallback_begins_with_the_version_wanted(fallback):
    assert fallback.version_5(ONE)
    assert not ProtocolFallback((ONE,), version_5=False).version_5(ONE)


def test_fallback_after_a_refusal_uses_3_1_1_for_that_address_only(fallback):
    fallback.refused_5(ONE, 0.0)
    assert not fallback.version_5(ONE)
    assert fallback.version_5(OTHER)


def test_fallback_after_a_refusal_tries_5_again_in_a_later_connection(fallback):
    fallback.refused_5(ONE, 0.0)
    assert fallback.accepted(ONE, 0.0, version_5=False)
    fallback.ended(ONE, RETRY_5_SECS - 1)
    assert not fallback.version_5(ONE)
    fallback.ended(ONE, RETRY_5_SECS + 1)
    assert fallback.version_5(ONE)


def test_fallback_without_response_tries_the_versions_by_turns(fallback):
    assert unanswered(fallback, 4) == [True, False, True, False]
    assert fallback.version_5(OTHER)


def test_fallback_that_was_inferred_is_verified_at_once(fallback):
    unanswered(fallback, 1)
    assert not fallback.accepted(ONE, 1.0, version_5=False)  # it only shows that the broker is up
    assert fallback.version_5(ONE)
    assert fallback.accepted(ONE, 2.0, version_5=True)
    fallback.ended(ONE, 3.0)
    assert fallback.version_5(ONE)


def test_fallback_that_was_verified_is_used(fallback):
    unanswered(fallback, 1)
    assert not fallback.accepted(ONE, 1.0, version_5=False)
    fallback.unanswered(ONE)
    assert not fallback.version_5(ONE)
    assert fallback.accepted(ONE, 2.0, version_5=False)
    fallback.ended(ONE, 3.0)
    assert not fallback.version_5(ONE)


def test_fallback_after_a_session_of_5_never_infers_3_1_1(fallback):
    fallback.accepted(ONE, 0.0, version_5=True)
    assert unanswered(fallback, 20) == [True] * 20


def test_fallback_after_a_session_of_5_tries_5_again(fallback):
    fallback.accepted(ONE, 0.0, version_5=True)
    fallback.refused_5(ONE, 1.0)
    assert not fallback.version_5(ONE)
    assert fallback.accepted(ONE, 2.0, version_5=False)
    assert not fallback.upgrade_due(ONE, 3.0)
    assert fallback.upgrade_due(ONE, 2.0 + RETRY_5_SECS)
    fallback.ended(ONE, 4.0)
    assert fallback.version_5(ONE)
    assert not fallback.upgrade_due(ONE, 2.0 + RETRY_5_SECS)


def test_fallback_where_3_1_1_is_demanded_never_uses_5():
    fallback = ProtocolFallback((ONE,), version_5=False)
    assert unanswered(fallback, 4) == [False] * 4
    assert fallback.accepted(ONE, 0.0, version_5=False)
    fallback.ended(ONE, 2 * RETRY_5_SECS)
    assert not fallback.version_5(ONE)
    assert not fallback.upgrade_due(ONE, 2 * RETRY_5_SECS)
