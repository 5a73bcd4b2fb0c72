import pytest

from bridge.mqtt.client_id_conflict import WINDOW_SECS, ClientIdConflict


@pytest.fixture
def ends():
    return ClientIdConflict("press-shop", reconnect_max_secs=60.0)


def test_conflict_is_proven_by_the_brokers_report_only(ends):
    ends.record_takeover(0.0, 5.0)
    ends.broker_away()
    ends.update(1.0)
    assert ends.conflict == (
        "client ID conflict: another client connects with 'press-shop' (1 takeover in 10 min, reported by the broker)"
    )
    assert ends.unstable == ""
    ends.update(WINDOW_SECS + 1)
    assert ends.conflict == ""


def test_ends_without_a_reason_are_no_conflict(ends):
    for now in (0.0, 5.0):
        ends.record_end(now, 4.0)
    assert ends.unstable == ""
    ends.record_end(10.0, 4.0)
    assert ends.unstable.startswith("the broker closed or reset the session 3 times in 10 min without a reason")
    assert "another client with the client ID 'press-shop', a broker that restarts, or a proxy" in ends.unstable
    assert ends.conflict == ""


def test_ends_that_are_far_apart_are_no_unstable_session(ends):
    for now in (0.0, 300.0, WINDOW_SECS + 1.0):
        ends.record_end(now, 200.0)
    assert ends.unstable == ""


def test_unreachable_broker_explains_the_ends_before(ends):
    for now in (0.0, 5.0, 10.0):
        ends.record_end(now, 4.0)
    ends.broker_away()
    assert ends.unstable == ""
    ends.record_end(15.0, 4.0)
    assert ends.unstable == ""


@pytest.mark.parametrize(("lived", "stable_after"), [(4.0, 120.0), (100.0, 300.0)])
def test_stable_session_ends_both_problems(ends, lived, stable_after):
    for now in (0.0, 5.0, 10.0):
        ends.record_end(now, lived)
    ends.record_takeover(10.0, lived)
    ends.update(20.0, stable_after)
    assert ends.conflict
    assert ends.unstable
    ends.update(20.0, stable_after + 1.0)
    assert (ends.conflict, ends.unstable) == ("", "")
