import pytest

from bridge.mqtt.protocol_fallback import ProtocolFallback
from bridge.mqtt.session_settings import Address

ONE, OTHER = Address.parse("mqtt://one:1883"), Address.parse("mqtt://other:1883")


@pytest.fixture
def fallback():
    return ProtocolFallback((ONE, OTHER), version_5=True)


def test_fallback_begins_with_the_version_wanted(fallback):
    assert fallback.version_5(ONE)
    assert not ProtocolFallback((ONE,), version_5=False).version_5(ONE)


def test_fallback_after_refusal_speaks_3_1_1_to_that_address_only(fallback):
    fallback.refused_5(ONE)
    assert not fallback.version_5(ONE)
    assert fallback.version_5(OTHER)


def test_fallback_without_answer_tries_versions_by_turns(fallback):
    tried = []
    for _ in range(4):
        tried.append(fallback.version_5(ONE))
        fallback.unanswered(ONE)
    assert tried == [True, False, True, False]
    assert fallback.version_5(OTHER)


def test_fallback_broker_that_accepted_5_gets_three_attempts(fallback):
    fallback.accepted(ONE, version_5=True)
    tried = []
    for _ in range(4):
        tried.append(fallback.version_5(ONE))
        fallback.unanswered(ONE)
    assert tried == [True, True, True, False]


def test_fallback_accepted_connection_clears_unanswered(fallback):
    fallback.accepted(ONE, version_5=True)
    fallback.unanswered(ONE)
    fallback.unanswered(ONE)
    fallback.accepted(ONE, version_5=True)
    fallback.unanswered(ONE)
    assert fallback.version_5(ONE)


def test_fallback_where_3_1_1_is_demanded_never_speaks_5():
    fallback = ProtocolFallback((ONE,), version_5=False)
    for _ in range(4):
        fallback.unanswered(ONE)
        assert not fallback.version_5(ONE)
